#include "tools/ctl/editor.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tools/ctl/context.h"
#include "tools/ctl/record.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

// Removed at the end, whatever happens.
struct TemporaryFile {
  std::string path;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

std::string editor_command() {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "vi";
}

Result<void> run_editor(const std::string& file) {
  // Through a shell: EDITOR may hold options. The file's name is ours and has nothing to quote.
  const std::string command = editor_command() + " '" + file + "'";
  if (std::system(command.c_str()) != 0) {
    return failure(ExitCode::kFailed, "the editor failed: " + command);
  }
  return {};
}

// What was typed, as bytes of the znode; an error is the typist's.
tl::expected<std::string, std::string> encoded(const std::optional<RecordType>& type,
                                               const std::string& text) {
  if (!type) return text;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return tl::unexpected(std::string("this is no JSON"));
  return encode_record(*type, json);
}

}  // namespace

Result<std::optional<std::string>> edit_value(const std::string& path, const client::Data& data) {
  const std::string bytes = data.value_or("");
  auto type = record_type_of(path);
  std::string before = bytes;
  if (type) {
    const auto record = decode_record(*type, bytes);
    if (record) before = record->dump(2) + "\n";
    if (!record) type.reset();
  }
  if (!type && !is_readable_text(bytes)) {
    return failure(ExitCode::kUsage, path +
                                         " holds neither a record nor text: use get --raw and "
                                         "put --file");
  }
  std::string name = (std::filesystem::temp_directory_path() / "topoctl-XXXXXX").string();
  const int descriptor = mkstemp(name.data());
  if (descriptor < 0) return failure(ExitCode::kFailed, "no temporary file can be made: " + name);
  close(descriptor);
  const TemporaryFile file{name};
  std::string text = before;
  // As often as there is a person to mend it; without a terminal, once.
  constexpr int kAttemptsMax = 100;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    // In place: the file stays readable by nobody else.
    std::ofstream(name, std::ios::binary | std::ios::trunc) << text;
    if (auto edited = run_editor(name); !edited) return tl::unexpected(edited.error());
    auto read = read_file(name);
    if (!read) return tl::unexpected(read.error());
    text = std::move(*read);
    if (text == before) return std::optional<std::string>();
    auto result = encoded(type, text);
    if (result && *result == bytes) return std::optional<std::string>();
    if (result) return std::optional<std::string>(std::move(*result));
    if (isatty(STDIN_FILENO) != 1) return failure(ExitCode::kUsage, result.error());
    std::fprintf(stderr, "topoctl: %s; Enter opens the editor again, ^C gives up\n",
                 escaped(result.error()).c_str());
    for (int c = std::getchar(); c != '\n' && c != EOF;) c = std::getchar();
  }
  return failure(ExitCode::kUsage, "given up");
}

}  // namespace topod::ctl
