#include "tools/ctl/finding.h"

#include <algorithm>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

Colour colour_of(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::kProblem: return Colour::kBad;
    case Finding::Severity::kWarning: return Colour::kWarning;
    case Finding::Severity::kGood: return Colour::kGood;
  }
  return Colour::kNone;
}

}  // namespace

const char* name_of(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::kProblem: return "problem";
    case Finding::Severity::kWarning: return "warning";
    case Finding::Severity::kGood: return "good";
  }
  return "unknown";
}

void print_findings(Output& out, const std::vector<Finding>& findings) {
  std::vector<Finding> sorted = findings;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  Json json = Json::array();
  for (const Finding& finding : sorted) {
    const std::string severity = name_of(finding.severity);
    json.push_back({{"severity", severity},
                    {"where", finding.where},
                    {"what", finding.what},
                    {"advice", finding.advice}});
    if (out.format() == Format::kText) {
      out.print_line(severity + "\t" + escaped(finding.where) + "\t" + escaped(finding.what) +
                     "\t" + escaped(finding.advice));
    } else if (out.format() == Format::kTable) {
      const std::string padding(8 - severity.size(), ' ');
      out.print_line(out.coloured(severity, colour_of(finding.severity)) + padding +
                     escaped(finding.where) + ": " + escaped(finding.what));
      if (!finding.advice.empty()) out.print_line("        -> " + escaped(finding.advice));
    }
  }
  if (out.is_json()) out.print_json(json);
}

bool any_trouble(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity != Finding::Severity::kGood;
  });
}

}  // namespace topod::ctl
