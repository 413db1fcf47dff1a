#include "tools/ctl/source.h"

#include <utility>

#include "tools/ctl/text.h"

namespace topod::ctl {

Source parse_source(std::string_view word) {
  constexpr std::string_view kFile = "file:";
  if (word.starts_with(kFile)) {
    return {Source::Kind::kFile, "", std::string(word.substr(kFile.size()))};
  }
  if (word.starts_with('/')) return {Source::Kind::kHere, "", without_slash(std::string(word))};
  const size_t slash = word.find('/');
  const std::string_view before = word.substr(0, slash);
  const bool has_colon = before.find(':') != std::string_view::npos;
  if (slash == std::string_view::npos || !has_colon || word.starts_with('.')) {
    return {Source::Kind::kFile, "", std::string(word)};
  }
  const std::string path = without_slash(std::string(word.substr(slash)));
  const bool is_sphere = before.ends_with(':');
  return {Source::Kind::kServers,
          std::string(is_sphere ? before.substr(0, before.size() - 1) : before), path};
}

Result<Znodes*> connect(Context& context, const Source& source) {
  return source.kind == Source::Kind::kServers ? context.servers(source.servers) : context.znodes();
}

Result<Exported> read_source(Context& context, const Source& source, bool fuzzy) {
  if (source.kind == Source::Kind::kFile) return read_export(source.path);
  const auto znodes = connect(context, source);
  if (!znodes) return tl::unexpected(znodes.error());
  auto subtree = read_subtree(**znodes, source.path, fuzzy);
  if (!subtree) return tl::unexpected(subtree.error());
  return exported(std::move(*subtree));
}

}  // namespace topod::ctl
