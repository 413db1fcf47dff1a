#include "tools/bench/workload.h"

#include <algorithm>
#include <random>

#include "proto/check.h"

namespace topod::bench {

namespace {

constexpr std::string_view kLockName = "/lock-";

char* put_numbers(char* frame, const Request& request, uint64_t number) {
  for (const size_t offset : request.numbers) put_number(frame + offset, number);
  return frame;
}

// Chooses znodes evenly; xorshift64*, for a draw must cost less than what is measured.
class Choice {
 public:
  Choice(uint64_t seed, uint64_t count) : state_(std::mt19937_64(seed)() | 1), count_(count) {}
  uint64_t znode() { return bits() % count_; }
  bool happens(double share) {
    return static_cast<double>(bits() >> 11) < share * static_cast<double>(uint64_t{1} << 53);
  }

 private:
  uint64_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }
  uint64_t state_;
  uint64_t count_;
};

Choice choice_for(const Options& options, uint32_t thread) {
  return {options.seed * 1'000 + thread, options.znodes};
}

// getData and setData of znodes chosen at random; reads and writes are its two extremes.
class Mixed final : public Workload {
 public:
  Mixed(const Options& options, uint32_t thread, double read_share)
      : read_(make_numbered_get_data(znode_prefix(options))),
        write_(make_numbered_set_data(znode_prefix(options),
                                      make_value(options.value_bytes, options.seed))),
        choice_(choice_for(options, thread)),
        read_share_(read_share) {}

  bool start(Connection& connection, Slot& slot) override {
    const Request& request = choice_.happens(read_share_) ? read_ : write_;
    put_numbers(connection.send(request, slot.tag, slot.intended), request, choice_.znode());
    return true;
  }

 private:
  const Request read_;
  const Request write_;
  Choice choice_;
  const double read_share_;
};

ErrorCode error_in_multi(const Reply& reply) {
  // A failed multi has results of type -1 only, each with its own code.
  JuteReader in(reply.body);
  MultiHeader first;
  first.read(in);
  if (!in.ok()) return ErrorCode::kMarshallingError;
  const bool failed = first.type == static_cast<int32_t>(OpCode::kError) && !first.done;
  return failed ? ErrorCode::kRuntimeInconsistency : ErrorCode::kOk;
}

// options.batch times setData in one transaction.
class Multi final : public Workload {
 public:
  Multi(const Options& options, uint32_t thread)
      : request_(make_numbered_multi_set_data(
            znode_prefix(options), make_value(options.value_bytes, options.seed), options.batch)),
        choice_(choice_for(options, thread)) {}

  bool start(Connection& connection, Slot& slot) override {
    char* frame = connection.send(request_, slot.tag, slot.intended);
    for (const size_t offset : request_.numbers) put_number(frame + offset, choice_.znode());
    return true;
  }
  [[nodiscard]] ErrorCode error_in(const Reply& reply) const override {
    return error_in_multi(reply);
  }

 private:
  const Request request_;
  Choice choice_;
};

class Children final : public Workload {
 public:
  explicit Children(const Options& options) : request_(make_get_children(options.root)) {}
  bool start(Connection& connection, Slot& slot) override {
    connection.send(request_, slot.tag, slot.intended);
    return true;
  }

 private:
  const Request request_;
};

// Each slot creates and deletes a znode of its own in turn; each request counts.
class CreateDelete final : public Workload {
 public:
  explicit CreateDelete(const Options& options)
      : create_(make_numbered_create(znode_prefix(options),
                                     make_value(options.value_bytes, options.seed))),
        delete_(make_numbered_delete(znode_prefix(options))) {}

  bool start(Connection& connection, Slot& slot) override {
    const Request& request = slot.step == 0 ? create_ : delete_;
    put_numbers(connection.send(request, slot.tag, slot.intended), request, slot.number);
    return true;
  }
  Progress proceed(Connection&, Slot& slot, const Reply&) override {
    slot.step = 1 - slot.step;
    return Progress::kEnded;
  }

 private:
  const Request create_;
  const Request delete_;
};

// What a client does to take and give back a lock that nobody else wants: a sequential ephemeral
// znode, a look at who else is there, and its deletion. Slots share options.znodes locks. Nobody
// waits for its turn, since that would measure the others' haste.
class Locks final : public Workload {
 public:
  explicit Locks(const Options& options) : prefix_(znode_prefix(options)) {
    const uint64_t slots = uint64_t{options.connections} * options.window;
    for (uint64_t i = 0; i < std::min(options.znodes, slots); ++i) {
      const std::string lock = numbered_path(prefix_, i);
      create_.push_back(
          make_create(lock + std::string(kLockName), "", CreateMode::kEphemeralSequential));
      list_.push_back(make_get_children(lock));
    }
    // Any name of the right length: the true one is written over it.
    delete_ = make_delete(numbered_path(prefix_, 0) + std::string(kLockName) + "0000000000");
  }

  bool start(Connection& connection, Slot& slot) override {
    slot.step = 0;
    connection.send(create_[slot.number % create_.size()], slot.tag, slot.intended);
    return true;
  }

  Progress proceed(Connection& connection, Slot& slot, const Reply& reply) override {
    switch (slot.step++) {
      case 0: {
        JuteReader in(reply.body);
        slot.path = in.read_string().value_or("");
        connection.send(list_[slot.number % list_.size()], slot.tag, slot.intended);
        return Progress::kContinues;
      }
      case 1: send_delete(connection, slot); return Progress::kContinues;
      default: return Progress::kEnded;
    }
  }

 private:
  void send_delete(Connection& connection, const Slot& slot) {
    constexpr size_t kPathOffset = 4 + 4 + 4 + 4;  // length, xid, opcode, length of the path
    constexpr size_t kVersionBytes = 4;
    char* frame = connection.send(delete_, slot.tag, slot.intended);
    CHECK(slot.path.size() == delete_.frame.size() - kPathOffset - kVersionBytes);
    std::copy(slot.path.begin(), slot.path.end(), frame + kPathOffset);
  }

  const std::string prefix_;
  std::vector<Request> create_;
  std::vector<Request> list_;
  Request delete_;
};

// Creates this thread's part of options.znodes znodes, options.batch in one transaction. A multi
// never reaches across two parents, which keeps its paths apart by their last digits only.
class Load final : public Workload {
 public:
  Load(const Options& options, uint32_t thread)
      : options_(options),
        value_(make_value(options.value_bytes, options.seed)),
        parent_(thread),
        request_(request_for(thread)) {}

  bool start(Connection& connection, Slot& slot) override {
    const uint64_t in_parent = std::min(
        kZnodesPerParent, options_.znodes - std::min(options_.znodes, parent_ * kZnodesPerParent));
    if (next_ + options_.batch > in_parent) return start_next_parent(connection, slot, in_parent);
    char* frame = connection.send(request_, slot.tag, slot.intended);
    for (const size_t offset : request_.numbers) put_number(frame + offset, next_++);
    return true;
  }
  [[nodiscard]] ErrorCode error_in(const Reply& reply) const override {
    return options_.batch == 1 ? ErrorCode::kOk : error_in_multi(reply);
  }
  [[nodiscard]] uint64_t operations() const override { return options_.batch; }

 private:
  [[nodiscard]] Request request_for(uint64_t parent) const {
    const std::string prefix = numbered_path(parent_prefix(options_), parent) + "/z";
    if (options_.batch == 1) return make_numbered_create(prefix, value_);
    return make_numbered_multi_create(prefix, value_, options_.batch);
  }
  bool start_next_parent(Connection& connection, Slot& slot, uint64_t in_parent) {
    if (in_parent == 0) return false;
    parent_ += options_.threads;
    request_ = request_for(parent_);
    next_ = 0;
    return start(connection, slot);
  }

  const Options& options_;
  const std::string value_;
  uint64_t parent_;
  uint64_t next_ = 0;  // below the parent
  Request request_;
};

}  // namespace

std::string znode_prefix(const Options& options) { return options.root + "/z"; }
std::string parent_prefix(const Options& options) { return options.root + "/p"; }

std::unique_ptr<Workload> make_workload(const Options& options, uint32_t thread) {
  switch (options.command) {
    case Command::kReads: return std::make_unique<Mixed>(options, thread, 1.0);
    case Command::kWrites: return std::make_unique<Mixed>(options, thread, 0.0);
    case Command::kMixed: return std::make_unique<Mixed>(options, thread, options.read_share);
    case Command::kMulti: return std::make_unique<Multi>(options, thread);
    case Command::kChildren: return std::make_unique<Children>(options);
    case Command::kCreateDelete: return std::make_unique<CreateDelete>(options);
    case Command::kLocks: return std::make_unique<Locks>(options);
    case Command::kLoad: return std::make_unique<Load>(options, thread);
    default: break;
  }
  CHECK_MSG(false, "a command that is no workload of requests");
}

}  // namespace topod::bench
