// What the administrator's words show, gathered from the parts of a running node, and what they
// change. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/admin/four_letter.h"
#include "server/admin/view.h"
#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/node/node.h"
#include "server/node/peer_figures.h"
#include "server/zab/replica.h"

namespace topod::node {

class Administration final : public Administrator, private admin::AdminSource {
 public:
  // What is known once the server has started.
  struct Facts {
    uint16_t client_port = 0;  // as bound
    std::string log_dir;
    uint64_t open_files_max = 0;
    zab::Moment started;
  };

  Administration(const Config& config, Facts facts, zab::Replica& replica, const ClientNet& net,
                 const LogStore& log, const TreeStore& tree, const Clock& clock);

  // Of a member of an ensemble; a single server has none.
  void set_peers(const PeerView& peers) { peers_ = &peers; }

  WordAnswer answer(std::string_view word, std::string_view argument) override;

  // From now on this server is said to be stopping.
  void set_stopping() { is_stopping_ = true; }

  // ---- for the metrics and the HTTP status ------------------------------------------------------
  [[nodiscard]] const admin::AdminSource& source() const { return *this; }
  [[nodiscard]] int64_t uptime_ms() const {
    return clock_.now().monotonic_ms() - facts_.started.monotonic_ms();
  }
  [[nodiscard]] admin::ServerStats stats() const { return server_stats(); }
  // What needs no look at the file system.
  [[nodiscard]] admin::Monitoring quick_monitoring() const;

 private:
  [[nodiscard]] bool is_serving() const override { return replica_.serving() || is_read_only(); }
  [[nodiscard]] bool is_read_only() const override { return replica_.clients().is_read_only(); }
  [[nodiscard]] bool is_stopping() const override { return is_stopping_; }
  [[nodiscard]] int64_t trace_mask() const override { return trace_mask_; }
  [[nodiscard]] std::string version() const override;
  [[nodiscard]] admin::Environment environment() const override;
  [[nodiscard]] admin::ServerStats server_stats() const override;
  [[nodiscard]] std::optional<admin::EnsembleStatus> ensemble_status() const override;
  [[nodiscard]] admin::ZabStatus zab_status() const override;
  [[nodiscard]] std::vector<admin::ConnectionInfo> connections() const override;
  [[nodiscard]] admin::Settings settings() const override;
  [[nodiscard]] admin::DirectorySizes directory_sizes() const override;
  [[nodiscard]] admin::SessionsDump sessions() const override;
  [[nodiscard]] admin::ConnectionsDump connection_expiry() const override;
  [[nodiscard]] std::map<SessionId, std::vector<std::string>> ephemerals() const override;
  [[nodiscard]] admin::WatchSummary watch_summary() const override;
  [[nodiscard]] std::map<std::string, std::set<SessionId>> watches_by_path() const override;
  [[nodiscard]] std::vector<admin::DigestEntry> digest_log() const override;
  [[nodiscard]] admin::Monitoring monitoring() const override;

  const Config& config_;
  Facts facts_;
  zab::Replica& replica_;
  const ClientNet& net_;
  const LogStore& log_;
  const TreeStore& tree_;
  const Clock& clock_;
  const PeerView* peers_ = nullptr;
  admin::Whitelist whitelist_;
  admin::Environment environment_;
  bool is_stopping_ = false;
  int64_t trace_mask_;  // shown and set as in ZooKeeper; traces nothing
};

}  // namespace topod::node
