#include "tools/client/lock.h"

#include <pwd.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <random>
#include <utility>

namespace topod::client {

namespace {

std::string random_guid() {
  std::string guid;
  std::random_device device;
  for (int i = 0; i < 4; ++i) {
    uint32_t word = device();
    for (int digit = 0; digit < 8; ++digit, word >>= 4) guid += "0123456789abcdef"[word & 15];
  }
  return guid;
}

std::string user_name() {
  const passwd* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : std::to_string(geteuid());
}

LockContents contents_now(std::string reason) {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const int64_t wall_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  return {std::move(reason), host_name(), user_name(), rfc3339(wall_ms)};
}

ContenderSettings settings_of(const LockOptions& options) {
  const LockContents contents = contents_now(options.reason);
  if (!options.is_queue) return topology_lock(options.path, contents, options.root);
  return queue_lock(options.path, options.style, options.kind, random_guid(), contents);
}

Error not_obtained(std::string why) {
  Error error{.failure = Failure::kNotObtained};
  error.detail = std::move(why);
  return error;
}

Error error_of(const Contender::Failed& failed) {
  switch (failed.why) {
    case Contender::Reason::kRefused: return failed.error;
    case Contender::Reason::kTimedOut: return not_obtained("not obtained in time");
    case Contender::Reason::kBroken:
      return not_obtained("somebody has removed our place in the queue");
    case Contender::Reason::kSessionExpired:
    case Contender::Reason::kSessionOverdue: break;
  }
  return {.failure = Failure::kSessionExpired};
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

const char* name_of(Contender::Reason reason) {
  switch (reason) {
    case Contender::Reason::kTimedOut: return "not obtained in time";
    case Contender::Reason::kRefused: return "refused";
    case Contender::Reason::kSessionExpired: return "the session has expired";
    case Contender::Reason::kSessionOverdue: return "the session may have expired";
    case Contender::Reason::kBroken: return "somebody has removed it";
  }
  return "unknown";
}

// What the waiting thread and the client's thread share.
struct Lock::Place {
  std::function<void()> on_left;
  std::function<void(Contender::Reason)> on_lost;
  std::function<void(const Contender::Waits&)> on_wait;
  std::function<bool()> gives_up;
  std::chrono::milliseconds patience = std::chrono::seconds(1);  // of destruction
  std::shared_ptr<ContenderRunner> runner;                       // on the client's thread

  std::mutex mutex;
  std::condition_variable changed;
  std::string queue;
  std::optional<Contender::Waits> waits;
  std::optional<Contender::Holds> holds;
  std::optional<Contender::Failed> failed;
  std::optional<Contender::Reason> lost;
  bool has_left = false;

  void take(const Contender::Notice& notice);
  // Returns when it is decided; false: given up before.
  bool wait_for_decision();
};

void Lock::Place::take(const Contender::Notice& notice) {
  const auto* lost_now = std::get_if<Contender::Lost>(&notice);
  const auto* waits_now = std::get_if<Contender::Waits>(&notice);
  // While something of us may stand there, nobody else of this session can.
  if (std::holds_alternative<Contender::Left>(notice)) on_left();
  {
    const std::scoped_lock guard(mutex);
    if (waits_now != nullptr) waits = *waits_now;
    if (lost_now != nullptr) lost = lost_now->why;
    if (const auto* held = std::get_if<Contender::Holds>(&notice)) holds = *held;
    if (const auto* why = std::get_if<Contender::Failed>(&notice)) failed = *why;
    if (std::holds_alternative<Contender::Left>(notice)) has_left = true;
  }
  changed.notify_all();
  if (lost_now != nullptr && on_lost) on_lost(lost_now->why);
  if (waits_now != nullptr && on_wait) on_wait(*waits_now);
}

bool Lock::Place::wait_for_decision() {
  constexpr auto kLook = std::chrono::milliseconds(20);
  const auto is_decided = [this] { return holds || failed || has_left; };
  std::unique_lock guard(mutex);
  while (!changed.wait_for(guard, kLook, is_decided)) {
    guard.unlock();
    if (gives_up && gives_up()) return false;
    guard.lock();
  }
  return true;
}

Lock::Lock(Client& client, std::shared_ptr<Place> place)
    : client_(client), place_(std::move(place)) {}

Result<std::unique_ptr<Lock>> Lock::acquire(Client& client, LockOptions options) {
  auto place = std::make_shared<Place>();
  ContenderSettings settings = settings_of(options);
  place->on_lost = std::move(options.on_lost);
  place->on_wait = std::move(options.on_wait);
  place->gives_up = std::move(options.gives_up);
  return contend(client, std::move(settings), options.timeout_ms, place);
}

Result<std::unique_ptr<Lock>> Lock::lead(Client& client, CandidateOptions options) {
  auto place = std::make_shared<Place>();
  ContenderSettings settings = candidacy(options.queue, options.style, random_guid(), options.id);
  place->on_lost = std::move(options.on_lost);
  place->on_wait = std::move(options.on_wait);
  place->gives_up = std::move(options.gives_up);
  return contend(client, std::move(settings), options.timeout_ms, place);
}

Result<std::unique_ptr<Lock>> Lock::contend(Client& client, ContenderSettings settings,
                                            int32_t timeout_ms,
                                            const std::shared_ptr<Place>& place) {
  place->queue = settings.queue;
  if (!client.take_queue(place->queue)) {
    Error error{.failure = Failure::kBadArgument, .path = place->queue};
    error.detail = "this session stands in that queue already";
    return tl::unexpected(std::move(error));
  }
  place->on_left = [&client, queue = place->queue] { client.give_queue(queue); };
  settings.deadline_ms = monotonic_ms() + timeout_ms;
  settings.look_by_ms = client.deadline_ms();
  client.post([place, settings = std::move(settings)](Connection& connection) {
    place->runner = std::make_shared<ContenderRunner>(
        connection, settings, [place](const Contender::Notice& notice) { place->take(notice); });
    place->runner->start();
  });
  // From here on destruction takes it out of the queue again.
  std::unique_ptr<Lock> lock(new Lock(client, place));
  const bool is_decided = place->wait_for_decision();
  // Who gives up has no time for a server that hangs.
  if (!is_decided) place->patience = std::chrono::milliseconds(250);
  std::unique_lock guard(place->mutex);
  if (is_decided && !place->failed) return lock;
  Error error = is_decided ? error_of(*place->failed) : not_obtained("given up");
  if (error.path.empty()) error.path = place->queue;
  if (is_decided && place->failed->why == Contender::Reason::kTimedOut && place->waits) {
    error.detail += ": " + std::to_string(place->waits->ahead) + " before us, the next one is " +
                    std::string(name_of_path(place->waits->behind)) + " of " +
                    describe_contents(place->waits->contents);
  }
  guard.unlock();
  return tl::unexpected(std::move(error));
}

Lock::~Lock() {
  release(place_->patience);
  client_.post([place = place_](Connection&) { place->runner.reset(); });
}

bool Lock::release(std::chrono::milliseconds wait) {
  client_.post([place = place_](Connection&) {
    if (place->runner) place->runner->release();
  });
  std::unique_lock guard(place_->mutex);
  return place_->changed.wait_for(guard, wait, [this] { return place_->has_left; });
}

bool Lock::is_held() const {
  const std::scoped_lock guard(place_->mutex);
  return place_->holds && !place_->lost && !place_->has_left;
}

std::optional<Contender::Reason> Lock::lost() const {
  const std::scoped_lock guard(place_->mutex);
  return place_->lost;
}

const std::string& Lock::path() const { return place_->holds->path; }

Zxid Lock::token() const { return place_->holds->token; }

// ---- who leads -------------------------------------------------------------------------------

Result<std::optional<Leader>> current_leader(Client& client, std::string_view queue) {
  const std::string path(queue);
  // The first may go between the two questions; each time another one has come to lead.
  for (int attempt = 0; attempt < 100; ++attempt) {
    Result<Children> list = client.children(path);
    if (!list && list.error().is(ErrorCode::kNoNode)) return std::nullopt;
    if (!list) return tl::unexpected(std::move(list.error()));
    const std::vector<QueueEntry> places = contenders(std::move(list->names));
    if (places.empty()) return std::nullopt;
    const std::string first = path + "/" + places.front().name;
    const Result<Node> node = client.get(first);
    if (node) return Leader{first, std::string(node->bytes()), Zxid(node->stat.czxid)};
    if (!node.error().is(ErrorCode::kNoNode)) return tl::unexpected(node.error());
  }
  return tl::unexpected(Error{.failure = Failure::kTimedOut, .path = path});
}

struct LeaderFollower::Running {
  LeaderWatchRunner::OnLeader on_leader;
  std::shared_ptr<LeaderWatchRunner> runner;  // on the client's thread
};

LeaderFollower::LeaderFollower(Client& client, std::string queue,
                               LeaderWatchRunner::OnLeader on_leader)
    : client_(client), running_(std::make_shared<Running>()) {
  running_->on_leader = std::move(on_leader);
  client.post([running = running_, queue = std::move(queue)](Connection& connection) {
    running->runner = std::make_shared<LeaderWatchRunner>(connection, queue, running->on_leader);
    running->runner->start();
  });
}

// Returns when `on_leader` will not be called again.
LeaderFollower::~LeaderFollower() {
  auto stopped = std::make_shared<std::promise<void>>();
  auto done = stopped->get_future();
  client_.post([running = running_, stopped](Connection&) {
    running->runner->stop();
    running->runner.reset();
    stopped->set_value();
  });
  done.wait();
}

}  // namespace topod::client
