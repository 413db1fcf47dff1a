// The texts of the four-letter words, one function each; how they are asked for is the business
// of four_letter.h. Formats are those that monitoring scripts parse. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/admin/view.h"

namespace topod::admin {

// ---- server/admin/server_text.cc ------------------------------------------------------------
[[nodiscard]] std::string srvr_text(const std::string& version, const ServerStats& stats);
// One line for each fact; nothing without an ensemble. Follows srvr's and stat's text.
[[nodiscard]] std::string status_text(const std::optional<EnsembleStatus>& status);
[[nodiscard]] std::string stat_text(const std::string& version, const ServerStats& stats,
                                    const std::vector<ConnectionInfo>& connections);
[[nodiscard]] std::string cons_text(const std::vector<ConnectionInfo>& connections);
[[nodiscard]] std::string conf_text(const Settings& settings);
[[nodiscard]] std::string dirs_text(const DirectorySizes& sizes);
[[nodiscard]] std::string envi_text(const std::string& version, const Environment& environment);

// ---- server/admin/session_text.cc -----------------------------------------------------------
[[nodiscard]] std::string dump_text(const SessionsDump& sessions,
                                    const std::map<SessionId, std::vector<std::string>>& ephemerals,
                                    const ConnectionsDump& connections);
[[nodiscard]] std::string wchs_text(const WatchSummary& summary);
[[nodiscard]] std::string wchc_text(const std::map<std::string, std::set<SessionId>>& by_path);
[[nodiscard]] std::string wchp_text(const std::map<std::string, std::set<SessionId>>& by_path);
[[nodiscard]] std::string hash_text(const std::vector<DigestEntry>& entries);

// ---- server/admin/monitor_text.cc -----------------------------------------------------------
[[nodiscard]] std::string mntr_text(const std::string& version, const ServerStats& stats,
                                    const Monitoring& monitoring);

// ---- shared ---------------------------------------------------------------------------------
[[nodiscard]] std::string_view name_of(Mode mode);
// Rounded to 4 decimals, without trailing zeros, but at least "0.0".
[[nodiscard]] std::string average_text(double average);
// "GETD" and the like, as `cons` names the last operation of a session.
[[nodiscard]] std::string_view short_name_of(std::optional<OpCode> operation);
// "Mon Nov 23 06:28:39 UTC 2026".
[[nodiscard]] std::string date_text(int64_t at_ms);
// "0x1f", as sessions and zxids are written.
[[nodiscard]] std::string hex(int64_t number);

}  // namespace topod::admin
