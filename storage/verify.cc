#include "storage/verify.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <unordered_set>
#include <utility>

#include "storage/data_dir.h"
#include "storage/loader.h"
#include "storage/log_recovery.h"
#include "storage/storage_error.h"

namespace topod::storage {

namespace {

std::string hex(uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string hex(Zxid zxid) { return hex(static_cast<uint64_t>(zxid.value())); }

std::string counted(uint64_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

// What can be said of rows without a state: every znode but the root has a parent, every znode
// an access control list.
class Shape final : public LoadVisitor {
 public:
  bool acl(const AclRow& row, std::string&) override {
    acls_.insert(row.id);
    return true;
  }
  bool node(const NodeRow& row, std::string& why) override {
    const bool is_root = row.parent.value() == 0;
    if (is_root == root_seen_) why = is_root ? "a second root" : "the root is missing";
    if (!is_root && !nodes_.contains(row.parent)) {
      why = "its parent " + std::to_string(row.parent.value()) + " is missing";
    }
    if (!acls_.contains(row.acl)) {
      why = "its access control list " + std::to_string(row.acl.value()) + " is missing";
    }
    root_seen_ = true;
    nodes_.insert(row.id);
    return why.empty();
  }
  bool session(const SessionRow&, std::string&) override { return true; }
  bool member(const MemberRow&, std::string&) override { return true; }

 private:
  std::unordered_set<AclId> acls_;
  std::unordered_set<NodeId> nodes_;
  bool root_seen_ = false;
};

class Examination {
 public:
  Examination(DataDir dir, std::string log_dir)
      : dir_(std::move(dir)), log_dir_(std::move(log_dir)) {}

  VerifyReport run() {
    describe_directory();
    examine_trees();
    examine_log();
    report_.intact = report_.intact && report_.examined;
    const char* verdict = "DAMAGED";
    if (report_.intact) verdict = "intact";
    if (!report_.examined) verdict = "could not be examined in full";
    say("verdict", verdict);
    return std::move(report_);
  }

 private:
  void say(const std::string& subject, const std::string& what) {
    std::string line = subject;
    line.resize(std::max<size_t>(subject.size() + 1, 10), ' ');
    report_.lines.push_back(line + what);
  }
  void say_failure(const std::string& subject, const StorageError& error) {
    if (error.kind == StorageError::Kind::kDamaged) {
      report_.intact = false;
      say(subject, "DAMAGED: " + error.what);
    } else {
      report_.examined = false;
      say(subject, "not examined: " + error.what);
    }
  }

  void describe_directory();
  void examine_trees();
  void examine_tree(uint64_t generation);
  void examine_log();

  DataDir dir_;
  std::string log_dir_;
  VerifyReport report_{.intact = true, .examined = true, .lines = {}};
  std::optional<CheckpointMeta> checkpoint_;  // of the newest generation, if it is intact
};

void Examination::describe_directory() {
  const DirectoryIdentity& identity = dir_.identity();
  say("directory", dir_.path() + ": server " + std::to_string(identity.server.value()));
}

void Examination::examine_trees() {
  const auto generations = dir_.generations();
  if (!generations) return say_failure("tree", generations.error());
  if (generations->empty()) say("tree", "none yet");
  for (const uint64_t generation : *generations) examine_tree(generation);
}

void Examination::examine_tree(uint64_t generation) {
  const std::string subject = "tree." + std::to_string(generation);
  checkpoint_.reset();
  Shape shape;
  const Expected<Loaded> loaded = load_tree(dir_.tree_path(generation), shape);
  if (!loaded) return say_failure(subject, loaded.error());
  const CheckpointMeta& meta = loaded->meta;
  say(subject, "checkpoint at zxid " + hex(meta.zxid) + ", digest " + hex(meta.digest_low) +
                   ", ensemble " + hex(meta.ensemble.value()) + ": " +
                   counted(loaded->nodes, "znode") + ", " + counted(loaded->acls, "acl") + ", " +
                   counted(loaded->sessions, "session") + ", " +
                   counted(loaded->members, "member") + ", " + counted(loaded->bytes, "byte") +
                   ", all rows intact");
  const DirectoryIdentity& identity = dir_.identity();
  if (meta.server != identity.server) {
    report_.intact = false;
    say(subject, "DAMAGED: belongs to server " + std::to_string(meta.server.value()) +
                     " of ensemble " + hex(meta.ensemble.value()));
  }
  checkpoint_ = meta;
}

void Examination::examine_log() {
  const std::string dir = log_dir_.empty() ? dir_.wal_path() : log_dir_;
  const LogIdentity identity{dir_.identity().instance, dir_.identity().server};
  std::optional<LogPosition> from;
  if (checkpoint_ && checkpoint_->log_segment > 0) {
    from = LogPosition{checkpoint_->log_segment, checkpoint_->log_offset_bytes};
  }
  const IoResult<LogScan> scan = scan_log(posix_file_system(), dir, identity, from);
  if (!scan) return say_failure("log", storage_error(scan.error()).value());
  if (scan->segments.empty()) {
    say("log", "none yet");
  } else {
    say("log", "segments " + std::to_string(scan->segments.front()) + " to " +
                   std::to_string(scan->segments.back()) + ", read from segment " +
                   std::to_string(scan->begin.segment) + ": " +
                   counted(scan->transactions, "transaction") + " in " +
                   std::to_string(scan->batches) + " batches, last zxid " +
                   hex(scan->contents.last_zxid()));
  }
  if (scan->damage) {
    report_.intact = false;
    return say("log", "DAMAGED: " + scan->damage->describe());
  }
  if (scan->verdict == LogVerdict::kTornTail) {
    say("log", "its last batch was interrupted by a crash and had not been acknowledged: normal");
  }
  if (checkpoint_ && scan->contents.last_zxid() < checkpoint_->zxid) {
    report_.intact = false;
    say("log", "DAMAGED: it ends at zxid " + hex(scan->contents.last_zxid()) +
                   ", before the checkpoint at " + hex(checkpoint_->zxid));
  }
}

}  // namespace

VerifyReport verify(const std::string& data_dir, const std::string& log_dir) {
  Expected<DataDir> dir = DataDir::open_existing(posix_file_system(), data_dir);
  if (dir) return Examination(std::move(*dir), log_dir).run();
  const bool damaged = dir.error().kind == StorageError::Kind::kDamaged;
  return {.intact = false,
          .examined = damaged,
          .lines = {(damaged ? "DAMAGED: " : "not examined: ") + dir.error().what}};
}

}  // namespace topod::storage
