// The whole way of a client's frames through a server's replica, from the connect request on:
// new sessions, sessions taken up again, refused ones, and whatever follows on the connection.
//
// Input: records of one byte (what happens, on which of four connections) and, for a frame, a
// 16-bit length and its bytes.
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "proto/check.h"
#include "proto/records.h"
#include "tests/unit/zab/replica_driver.h"

namespace topod::zab {
namespace {

constexpr size_t kConnections = 4;
// Enough for any sequence that matters; the driver keeps its log for ever.
constexpr int kStepsMax = 200;

ReplicaConfig small_config() {
  ReplicaConfig config = ReplicaDriver::default_config();
  config.watch_limit_per_connection = 100;
  config.authentication.super_digest = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
  return config;
}

class World {
 public:
  void step(JuteReader& in);
  void finish();

 private:
  struct Client {
    ConnectionId id;
    bool has_answer = false;  // the connect response has come
  };

  void take_output(Client& client);
  Client& client(size_t number);

  ReplicaDriver driver_{small_config()};
  std::array<Client, kConnections> clients_;
};

World::Client& World::client(size_t number) {
  Client& client = clients_[number];
  if (client.id == ConnectionId{}) client = {driver_.open()};
  return client;
}

// Whole frames only, the first of them an answer to the connect request.
void World::take_output(Client& client) {
  if (client.id == ConnectionId{}) return;
  if (!client.has_answer) {
    const std::optional<ConnectResponse> answer = driver_.next_connect_response(client.id);
    if (answer) {
      client.has_answer = true;
      CHECK((answer->session == 0) == (answer->timeout_ms == 0));
      CHECK(answer->password.size() == kPasswordBytes);
    }
  }
  while (const std::optional<std::string> frame = driver_.next_frame(client.id)) {
    CHECK(client.has_answer);
    JuteReader in(*frame);
    ReplyHeader header;
    header.read(in);
    CHECK(in.ok());
    CHECK(header.xid == kXidNotification ||
          header.zxid <= driver_.replica().state().applied.value());
    CHECK(header.error == ErrorCode::kOk || in.remaining() == 0);
  }
  if (driver_.closed(client.id) != CloseReason::kNone) client = {};
}

void World::step(JuteReader& in) {
  const uint8_t what = in.read_byte();
  const size_t number = what % kConnections;
  switch (what / kConnections % 8) {
    case 0:
      if (clients_[number].id != ConnectionId{}) driver_.drop(clients_[number].id);
      clients_[number] = {};
      break;
    case 1: driver_.advance(1'000); break;
    case 2: driver_.flush(); break;
    case 3: driver_.set_no_log_space(what >= 128); break;
    default: {
      const size_t high = in.read_byte();
      const size_t size = std::min(high << 8 | in.read_byte(), in.remaining());
      const std::string frame(in.rest().substr(0, size));
      for (size_t i = 0; i < size; ++i) in.read_byte();
      if (!frame.empty()) driver_.send(client(number).id, frame);
    }
  }
  for (Client& each : clients_) take_output(each);
}

void World::finish() {
  driver_.set_no_log_space(false);
  driver_.flush();
  for (Client& each : clients_) take_output(each);
  const state::Digest before = driver_.replica().state().digest;
  const Zxid applied = driver_.replica().state().applied;
  // What was done is in the log, all of it.
  ReplicaDriver& driver = driver_;
  state::State again = state::State::initial();
  state::Effects effects;
  for (const LogRecord& record : driver.log) {
    if (record.kind != LogRecordKind::kTransaction) continue;
    entry::Entry entry;
    CHECK(entry.ParseFromString(record.payload));
    state::evaluate(again, record.zxid, entry, effects);
  }
  CHECK(again.applied == applied);
  CHECK(again.digest == before);
}

void run(std::string_view input) {
  World world;
  JuteReader in(input);
  for (int i = 0; i < kStepsMax && in.remaining() > 0; ++i) world.step(in);
  world.finish();
}

}  // namespace
}  // namespace topod::zab

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  topod::zab::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
