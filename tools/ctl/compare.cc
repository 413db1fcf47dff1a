#include "tools/ctl/compare.h"

#include <algorithm>

#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

// Beyond so many pairs of lines all of the left is shown as gone and all of the right as new.
constexpr size_t kLinePairsMax = 4'000'000;

std::vector<std::string> lines_of(std::string_view text) {
  if (text.empty()) return {};
  if (text.ends_with('\n')) text.remove_suffix(1);
  return split(text, '\n');
}

// An edit script by the longest common subsequence.
std::vector<std::string> edit_script(const std::vector<std::string>& left,
                                     const std::vector<std::string>& right) {
  std::vector<std::string> script;
  const size_t width = right.size() + 1;
  if ((left.size() + 1) * width > kLinePairsMax) {
    for (const std::string& line : left) script.push_back("-" + line);
    for (const std::string& line : right) script.push_back("+" + line);
    return script;
  }
  // common[i * width + j]: length of the longest one of left from i on and right from j on.
  std::vector<uint32_t> common((left.size() + 1) * width, 0);
  for (size_t i = left.size(); i-- > 0;) {
    for (size_t j = right.size(); j-- > 0;) {
      common[i * width + j] =
          left[i] == right[j] ? common[(i + 1) * width + j + 1] + 1
                              : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < left.size() || j < right.size()) {
    if (i < left.size() && j < right.size() && left[i] == right[j]) {
      script.push_back(" " + left[i]);
      ++i;
      ++j;
    } else if (j == right.size() ||
               (i < left.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      script.push_back("-" + left[i++]);
    } else {
      script.push_back("+" + right[j++]);
    }
  }
  return script;
}

}  // namespace

const char* name_of(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kOnlyLeft: return "only-left";
    case Difference::Kind::kOnlyRight: return "only-right";
    case Difference::Kind::kData: return "data";
    case Difference::Kind::kAcl: return "acl";
  }
  return "unknown";
}

std::vector<Difference> compare(const Exported& left, const Exported& right,
                                const CompareOptions& options) {
  using Kind = Difference::Kind;
  std::vector<Difference> differences;
  const auto counts = [&](const ExportedNode& node) {
    return options.ephemerals || !node.is_ephemeral;
  };
  auto a = left.nodes.begin();
  auto b = right.nodes.begin();
  while (a != left.nodes.end() || b != right.nodes.end()) {
    const bool left_first =
        b == right.nodes.end() || (a != left.nodes.end() && a->first < b->first);
    const bool right_first =
        a == left.nodes.end() || (b != right.nodes.end() && b->first < a->first);
    if (left_first) {
      if (counts(a->second)) differences.push_back({Kind::kOnlyLeft, a->first});
      ++a;
    } else if (right_first) {
      if (counts(b->second)) differences.push_back({Kind::kOnlyRight, b->first});
      ++b;
    } else {
      if (counts(a->second) || counts(b->second)) {
        // Nobody but a test tells no data from empty data.
        if (a->second.data.value_or("") != b->second.data.value_or("")) {
          differences.push_back({Kind::kData, a->first});
        }
        if (options.acls && a->second.acls != b->second.acls) {
          differences.push_back({Kind::kAcl, a->first});
        }
      }
      ++a;
      ++b;
    }
  }
  return differences;
}

std::vector<std::string> line_diff(std::string_view left, std::string_view right, size_t context) {
  const std::vector<std::string> script = edit_script(lines_of(left), lines_of(right));
  std::vector<bool> shown(script.size(), false);
  for (size_t i = 0; i < script.size(); ++i) {
    if (script[i].front() == ' ') continue;
    const size_t begin = i - std::min(i, context);
    for (size_t k = begin; k < std::min(script.size(), i + context + 1); ++k) shown[k] = true;
  }
  std::vector<std::string> lines;
  for (size_t i = 0; i < script.size(); ++i) {
    if (shown[i]) lines.push_back(script[i]);
  }
  return lines;
}

}  // namespace topod::ctl
