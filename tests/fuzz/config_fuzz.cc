// Whatever a configuration file, its dynamic file and myid hold: it is read or refused with
// remarks that fit a line each, and what is read keeps the promises of server/node/config.h.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>

#include "proto/check.h"
#include "server/node/config.h"

namespace topod::node {
namespace {

void check_remarks(const std::vector<ConfigRemark>& remarks) {
  for (const ConfigRemark& remark : remarks) {
    const std::string text = to_string(remark);
    CHECK(!text.empty());
    CHECK(text.find('\n') == std::string::npos);
    CHECK(remark.line >= 0);
  }
}

void check_config(const Config& config, const ConfigOptions& options) {
  CHECK(!config.data_dir.empty());
  CHECK(config.client_port <= 65535);
  CHECK(config.client_port >= (options.requires_client_port ? 0 : -1));
  CHECK(config.min_session_timeout_ms > 0);
  CHECK(config.min_session_timeout_ms <= config.max_session_timeout_ms);
  CHECK(config.max_frame_bytes > 0);
  CHECK(static_cast<size_t>(config.max_frame_bytes) < limits::kMaxRecordBytes);
  CHECK(config.max_unsent_bytes >= limits::kUnsentPauseBytes);
  CHECK(!config.enforce_auth || !config.enforce_auth_schemes.empty());
  CHECK(std::is_sorted(config.members.begin(), config.members.end(),
                       [](const Member& a, const Member& b) { return a.id < b.id; }));
  const auto self =
      std::find_if(config.members.begin(), config.members.end(),
                   [&](const Member& member) { return member.id == config.server_id; });
  CHECK(config.members.empty() == (self == config.members.end()));
}

void run(FuzzedDataProvider& data) {
  ConfigOptions options;
  options.strict = data.ConsumeBool();
  options.requires_client_port = data.ConsumeBool();
  Overrides overrides;
  if (data.ConsumeBool()) overrides.data_dir = "/data";
  if (data.ConsumeBool()) overrides.client_port = data.ConsumeIntegral<uint16_t>();
  if (data.ConsumeBool()) overrides.client_address = data.ConsumeRandomLengthString(40);
  const std::string id = data.ConsumeRandomLengthString(6);
  const std::string dynamic_file = data.ConsumeRandomLengthString(400);
  const std::string file = data.ConsumeRemainingBytesAsString();

  using Text = tl::expected<std::string, std::string>;
  const ReadFile read_file = [&](const std::string& path) -> Text {
    if (path.ends_with("/myid")) return id;
    if (path.empty() || path.size() % 2 == 0) return tl::unexpected(std::string("not there"));
    return dynamic_file;
  };
  const LoadResult result = parse_config(file, "fuzz.cfg", overrides, options, read_file);
  if (!result) {
    CHECK(!result.error().empty());
    check_remarks(result.error());
    return;
  }
  check_remarks(result->remarks);
  check_config(result->config, options);
}

}  // namespace
}  // namespace topod::node

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  topod::node::run(data);
  return 0;
}
