#include "tools/ctl/snapshot.h"

#include <algorithm>
#include <optional>

#include "proto/jute.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

constexpr int kAttempts = 8;
// What one multiRead may ask, below the usual limit of a frame, and bring.
constexpr size_t kRequestBytes = 900'000;
constexpr size_t kAnswerBytes = size_t{4} * 1024 * 1024;
constexpr size_t kBytesPerRequest = 14;  // header, length of the path, flag
constexpr size_t kBytesPerAnswer = 81;   // header, length of the data, Stat

struct Tried {
  bool ok = false;
  Zxid zxid;
};

bool fits_one_request(const std::vector<Znode>& all) {
  size_t request = 0;
  size_t answer = 0;
  for (const Znode& znode : all) {
    request += znode.path.size() + kBytesPerRequest;
    answer += (znode.data ? znode.data->size() : 0) + kBytesPerAnswer;
  }
  return request <= kRequestBytes && answer <= kAnswerBytes;
}

Result<Tried> read_at_once(Znodes& znodes, std::vector<Znode>& all) {
  client::Request request{OpCode::kMultiRead, all.front().path, {}, client::Watch::kNone};
  JuteWriter out(request.body);
  for (const Znode& znode : all) {
    MultiHeader{static_cast<int32_t>(OpCode::kGetData), false, -1}.write(out);
    PathWatchRequest{znode.path, false}.write(out);
  }
  MultiHeader::end().write(out);
  const auto reply = znodes.client().call(std::move(request));
  if (!reply) return tl::unexpected(failure_of(reply.error()));
  JuteReader in(reply->body);
  bool same = true;
  for (Znode& znode : all) {
    MultiHeader header;
    header.read(in);
    if (static_cast<OpCode>(header.type) != OpCode::kGetData) return Tried{};  // it is gone
    const NullableBytes data = in.read_buffer();
    Stat stat;
    stat.read(in);
    if (!in.ok()) return failure(ExitCode::kFailed, "the answer to multiRead makes no sense");
    same = same && has_same_shape(stat, znode.stat);
    znode.data = data ? client::Data(std::string(*data)) : std::nullopt;
    znode.stat = stat;
  }
  return Tried{same, reply->zxid};
}

Result<Tried> look_again(Znodes& znodes, const std::vector<Znode>& all) {
  Tried tried{true, znodes.client().last_zxid()};
  std::vector<client::Request> requests;
  for (const Znode& znode : all) {
    if (!znode.steady) return Tried{};
    requests.push_back(client::exists_request(znode.path));
  }
  const auto replies = znodes.call_all(std::move(requests));
  if (!replies) return tl::unexpected(replies.error());
  for (size_t i = 0; i < all.size(); ++i) {
    const auto stat =
        (*replies)[i] ? client::stat_of(*(*replies)[i]) : tl::unexpected((*replies)[i].error());
    if (!stat || !(*stat == all[i].stat)) return Tried{};
  }
  return tried;
}

}  // namespace

Result<Subtree> read_subtree(Znodes& znodes, const std::string& root, bool fuzzy) {
  if (auto synced = znodes.sync(); !synced) return tl::unexpected(synced.error());
  Subtree subtree;
  subtree.root = root;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto all = znodes.walk(root, {.with_data = true, .with_acls = true});
    if (!all) return tl::unexpected(all.error());
    subtree.zxid = znodes.client().last_zxid();
    const bool has_shape = std::all_of(all->begin(), all->end(),
                                       [](const Znode& znode) { return znode.steady_shape; });
    const auto tried =
        fits_one_request(*all) && has_shape ? read_at_once(znodes, *all) : look_again(znodes, *all);
    if (!tried) return tl::unexpected(tried.error());
    subtree.znodes = std::move(*all);
    if (tried->ok) {
      subtree.zxid = tried->zxid;
      subtree.at_one_zxid = true;
      return subtree;
    }
  }
  if (fuzzy) return subtree;
  return failure(ExitCode::kFailed,
                 root +
                     " is written to all the time: it could not be read at one zxid. Try a "
                     "smaller subtree, `topoctl backup`, or --fuzzy");
}

}  // namespace topod::ctl
