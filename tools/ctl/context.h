// What every command is given: where to print, which servers to speak with, and the connections to
// them, opened when they are first needed. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/ctl/config_file.h"
#include "tools/ctl/output.h"
#include "tools/ctl/result.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

// As the command line has them; empty: not given.
struct GlobalOptions {
  std::string servers;
  std::string sphere;
  std::string cell;
  std::string root;
  std::string config_file;
  std::string auth_file;
  double timeout_s = 10;
  std::string output = "table";
  std::string colour = "auto";
};

inline constexpr const char* kDefaultServers = "127.0.0.1:2181";
inline constexpr const char* kDefaultRoot = "/vitess/global";

class Context {
 public:
  Context(GlobalOptions options, Output output) : options_(std::move(options)), output_(output) {}

  [[nodiscard]] Output& out() { return output_; }
  [[nodiscard]] const GlobalOptions& options() const { return options_; }
  [[nodiscard]] int64_t timeout_ms() const {
    return static_cast<int64_t>(options_.timeout_s * 1000);
  }

  // The servers that were asked for: of the toposphere's global topology, or of the cell.
  [[nodiscard]] Result<Znodes*> znodes();
  [[nodiscard]] Result<Znodes*> global();
  // A cell's servers, as its CellInfo names them; that may be the servers of global.
  [[nodiscard]] Result<Znodes*> cell(const std::string& name);
  // Any others: "host:port,..." or the name of a toposphere of the configuration file.
  [[nodiscard]] Result<Znodes*> servers(const std::string& addresses_or_sphere);

  // Where the global topology lies on its servers.
  [[nodiscard]] Result<std::string> root();
  // Where the topology lies on the servers of `znodes`.
  [[nodiscard]] Result<std::string> chosen_root();
  // The addresses behind `global`, for four-letter words.
  [[nodiscard]] Result<std::string> global_addresses();
  [[nodiscard]] Result<std::string> addresses();
  struct CellAddress {
    std::string servers;
    std::string root;
  };
  [[nodiscard]] Result<CellAddress> cell_address(const std::string& name);

  // For commands that show what they may: see Znodes. To be said before anything is read.
  void leave_out_unreadable() { leaves_out_ = true; }
  // Warns of what was left out. The exit code of a command that would end with this one.
  [[nodiscard]] int code_with_left_out(int code) const;

  // On standard error.
  void warn(const std::string& what) const;

 private:
  [[nodiscard]] Result<const ConfigFile*> config();
  [[nodiscard]] Result<Sphere> sphere();
  // What proves who we are, if nothing on the command line or in the environment does.
  [[nodiscard]] Result<std::vector<Credentials>> credentials(const std::string& usual_auth_file);
  // With the credentials of the chosen toposphere, or with those of another one.
  [[nodiscard]] Result<Znodes*> connect(const std::string& addresses);
  [[nodiscard]] Result<Znodes*> connect(const std::string& addresses,
                                        const std::string& usual_auth_file);

  GlobalOptions options_;
  Output output_;
  bool leaves_out_ = false;
  std::optional<ConfigFile> config_;
  std::map<std::string, std::unique_ptr<Znodes>> connections_;  // by addresses
};

// Files that the user names: "-" is standard input or output.
[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] bool is_standard_output(const std::string& path);
// Atomically: the file is there whole or as it was. What is no plain file, such as a pipe, a device
// or a link, is written to as it stands.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace topod::ctl
