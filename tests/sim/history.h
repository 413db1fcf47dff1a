// The one history of a world: the entries in the order in which they were first applied anywhere,
// a reference state that has evaluated them, and what its clients were promised about them. What
// is here can never change: a member that applies anything else, or forgets it, is wrong.
//
// Oracles: agreement, prefix consistency and integrity (each member's applied entries are a prefix
// of this), equal digests, acknowledged writes kept, each once and in the order of its session,
// real time, sessions not expired early. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/entry.pb.h"
#include "server/state/evaluate.h"
#include "tests/sim/witness.h"
#include "tests/sim/world.h"

namespace topod::sim {

// A write as a client asked for it.
struct IssuedWrite {
  OpCode op = OpCode::kError;
  std::string body;
};

class History {
 public:
  explicit History(World& world);

  // ---- members -------------------------------------------------------------------------------
  // A member applies this entry after `count` others. `count` goes up.
  void applied(ServerId member, size_t& count, Zxid zxid, std::string_view bytes);
  // A member that has applied so many entries has this digest.
  void has_digest(ServerId member, size_t count, const state::Digest& digest);
  // A leader proposes this entry: who is expired by it has been silent for long enough.
  void proposed(ServerId leader, Zxid zxid, std::string_view bytes);
  // A member is the established leader of this epoch.
  void leads(ServerId member, Epoch epoch);
  // How many entries a state at this zxid has applied; nullopt: nobody has applied it.
  [[nodiscard]] std::optional<size_t> count_at(Zxid zxid) const;
  [[nodiscard]] size_t size() const { return committed_.size(); }
  [[nodiscard]] const std::string& bytes_at(size_t index) const { return committed_[index].bytes; }
  [[nodiscard]] Zxid last_zxid() const;
  [[nodiscard]] const state::State& reference() const { return reference_; }
  // An open server has taken a frame of this session from the wire just now.
  void heard(SessionId session, ServerId member);
  // Whether every member can be expected to hear from all of its clients.
  void set_calm(bool calm) { calm_ = calm; }

  // ---- clients -------------------------------------------------------------------------------
  // Numbers the writes of a session.
  size_t issue(SessionId session, OpCode op, std::string_view body);
  // The write was answered. `floor`: what `acknowledged()` was when it was issued.
  void answered(SessionId session, size_t number, Zxid zxid, ErrorCode error, std::string_view body,
                Zxid floor);
  void read(SessionId session, OpCode op, const std::string& path, Zxid zxid, ErrorCode error,
            std::string_view body);
  // The greatest zxid of any answered write.
  [[nodiscard]] Zxid acknowledged() const { return acknowledged_; }
  [[nodiscard]] const Witness& witness() const { return witness_; }
  [[nodiscard]] uint64_t answered_writes() const { return answered_writes_; }
  [[nodiscard]] uint64_t reads_checked() const { return reads_checked_; }

 private:
  struct Committed {
    Zxid zxid;
    std::string bytes;
    state::Digest digest;  // after it
    SessionId session;     // whose write it is
    size_t number = SIZE_MAX;
    bool is_answered = false;
    ErrorCode error = ErrorCode::kOk;
    std::string body;
  };
  struct SessionPast {
    std::vector<IssuedWrite> issued;
    size_t evaluated = 0;  // of `issued`, up to which entries have been seen
    int64_t heard_us = 0;
    ServerId heard_by;
  };

  void append(Zxid zxid, std::string_view bytes);
  void match_write(Committed& committed, const entry::ClientWrite& write);
  // Whether `parsed_` would expire a session that is attached as the leader judged.
  [[nodiscard]] bool judges_rightly() const;
  // Whether the entry is the evaluation of this write.
  [[nodiscard]] bool is_of(const Committed& committed, SessionId session, size_t number);
  [[nodiscard]] const Committed* find(Zxid zxid) const;
  [[nodiscard]] Committed* find(Zxid zxid);

  World& world_;
  state::State reference_;
  Witness witness_;
  std::vector<Committed> committed_;
  std::map<SessionId, SessionPast> sessions_;
  std::map<Epoch, ServerId> leaders_;
  Zxid acknowledged_;
  bool calm_ = false;
  uint64_t answered_writes_ = 0;
  uint64_t reads_checked_ = 0;

  entry::Entry parsed_;  // reused
  state::Effects effects_;
};

// "4:17".
[[nodiscard]] std::string text_of(Zxid zxid);

}  // namespace topod::sim
