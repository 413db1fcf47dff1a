#include "server/net/peer_mesh.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <asio/post.hpp>

#include "proto/check.h"

namespace topod::net {

using asio::ip::tcp;
using node::LogLevel;
using std::chrono::milliseconds;

namespace {

constexpr const char* kPart = "peer";
// The sweep comes several times for each ping.
constexpr int64_t kSweepsPerPing = 3;
// A ping may be late by a few of its periods before the silence is too long.
constexpr int64_t kPingsPerSilence = 5;
// The same refusal is logged again after this time.
constexpr int64_t kRepeatRefusalMs = 60'000;
constexpr size_t kToldRefusalsMax = 64;

std::string name_of(ServerId id) { return "server " + std::to_string(id.value()); }

}  // namespace

PeerMesh::Member::Member(asio::io_context& io, PeerMember configured, const std::string& dial_from,
                         PeerDialer::Events events)
    : config(std::move(configured)),
      dialer(io, config.addresses, dial_from, std::move(events)),
      retry_timer(io) {
  figures.server = config.id;
}

PeerMesh::PeerMesh(asio::io_context& io, PeerOptions options, node::Entropy& entropy)
    : io_(io), options_(std::move(options)), entropy_(entropy), sweep_timer_(io), log_(kPart) {
  ping_ms_ = std::clamp<int64_t>(options_.silence_max_ms / kPingsPerSilence, 1, kPeerPingMs);
  hello_.server = options_.self;
  hello_.run = random();
  hello_.instance = options_.instance;
  hello_.voters_hash = options_.voters_hash;
  hello_.feature_level = options_.feature_level;
  for (const PeerMember& configured : options_.members) {
    CHECK(configured.id != options_.self && find(configured.id) == nullptr);
    const ServerId id = configured.id;
    member_ids_.push_back(id);
    members_.push_back(std::make_unique<Member>(
        io_, configured, options_.dial_from,
        PeerDialer::Events{
            .connected =
                [this, id](tcp::socket socket, const std::string& address) {
                  dialed(*find(id), std::move(socket), address);
                },
            .failed = [this, id](const std::string& why) { dial_failed(*find(id), why); }}));
  }
}

tl::expected<void, std::string> PeerMesh::listen() {
  for (const node::HostPort& address : options_.listen) {
    auto acceptor = std::make_unique<PeerAcceptor>(io_);
    if (auto listening = acceptor->listen(address); !listening) return listening;
    acceptors_.push_back(std::move(acceptor));
  }
  return {};
}

std::vector<uint16_t> PeerMesh::ports() const {
  std::vector<uint16_t> ports;
  for (const auto& acceptor : acceptors_) ports.push_back(acceptor->port());
  return ports;
}

void PeerMesh::start(node::PeerHandler& handler) {
  handler_ = &handler;
  const int64_t now = link_clock_ms();
  for (const auto& acceptor : acceptors_) {
    acceptor->start([this](tcp::socket socket, const std::string& address) {
      accepted(std::move(socket), address);
    });
  }
  for (const auto& member : members_) {
    member->figures.since_ms = now;
    dial(*member);
  }
  sweep();
}

void PeerMesh::stop() {
  stopped_ = true;
  for (const auto& acceptor : acceptors_) acceptor->stop();
  sweep_timer_.cancel();
  for (const LinkPointer& stranger : strangers_) stranger->close();
  strangers_.clear();
  for (const auto& member : members_) {
    stop_dialing(*member);
    lose(*member, "this server stops");
    report_lost(*member);
  }
}

void PeerMesh::set_ensemble(EnsembleId ensemble, bool founded) {
  hello_.ensemble = ensemble;
  hello_.founded = founded;
}

// ---- dialing --------------------------------------------------------------------------------

void PeerMesh::dial(Member& member) {
  if (stopped_ || member.link || member.greeting || member.dialer.is_busy()) return;
  member.dialer.dial();
}

void PeerMesh::dialed(Member& member, tcp::socket socket, const std::string& address) {
  member.greeting = connection(std::move(socket), address, &member);
  member.greeting->start();
}

void PeerMesh::dial_failed(Member& member, const std::string& why) {
  member.figures.last_error = why;
  // Once in a while is enough: everybody dials everybody until it works.
  log_.log(link_clock_ms(), member.told_unreachable ? LogLevel::kDebug : LogLevel::kInfo,
           "no link yet", {{"peer", name_of(member.config.id)}, {"why", why}});
  member.told_unreachable = true;
  retry(member);
}

// Doubled each time, and anywhere in the upper half, so that members do not meet in step.
void PeerMesh::retry(Member& member) {
  if (stopped_ || member.link) return;
  int64_t delay_ms = options_.retry_min_ms;
  for (int i = 0; i < member.attempts && delay_ms < options_.retry_max_ms; ++i) delay_ms *= 2;
  delay_ms = std::min(delay_ms, options_.retry_max_ms);
  delay_ms -= static_cast<int64_t>(random() % static_cast<uint64_t>(delay_ms / 2 + 1));
  ++member.attempts;
  member.retry_timer.expires_after(milliseconds(delay_ms));
  member.retry_timer.async_wait([this, &member](const asio::error_code& error) {
    if (!error) dial(member);
  });
}

void PeerMesh::stop_dialing(Member& member) {
  member.retry_timer.cancel();
  member.dialer.cancel();
  if (member.greeting) {
    member.greeting->close();
    member.greeting.reset();
  }
}

// ---- connections ----------------------------------------------------------------------------

void PeerMesh::accepted(tcp::socket socket, const std::string& address) {
  if (strangers_.size() >= kPeerStrangersMax) {
    strangers_.front()->close();
    strangers_.erase(strangers_.begin());
  }
  const LinkPointer link = connection(std::move(socket), address, nullptr);
  strangers_.push_back(link);
  link->start();
}

PeerMesh::LinkPointer PeerMesh::connection(tcp::socket socket, const std::string& address,
                                           const Member* dialed) {
  Hello own = hello_;
  entropy_.fill(own.nonce);
  if (dialed != nullptr) {
    own.target = dialed->config.id;
    own.last_link = dialed->last_link;
  }
  const auto side =
      dialed != nullptr ? PeerHandshake::Side::kDialer : PeerHandshake::Side::kAcceptor;
  PeerLinkOwner& owner = *this;
  return std::make_shared<PeerLink>(owner, std::move(socket), address, side,
                                    PeerHandshake(side, own, member_ids_, options_.secret));
}

// Of this server's and the other end's view of their link, whether this connection may replace it.
Refusal PeerMesh::judge(const PeerLink& link, const Member& member) const {
  const Hello& peer = link.peer();
  for (const auto& other : members_) {
    if (other.get() != &member && other->link && other->link->peer().instance == peer.instance) {
      return Refusal::kCopiedDirectory;
    }
  }
  if (!member.link) return Refusal::kNone;
  if (link_clock_ms() - member.link->heard_ms() > kPeerAnswersMs) return Refusal::kNone;
  const Hello& linked = member.link->peer();
  if (linked.run != peer.run) return Refusal::kSecondProcess;
  // Where the other end decides, it knows why it wants another connection. Where this one does,
  // the other end may have dialed before it saw the link, or after it lost it.
  if (!link.handshake().has_last_word()) return Refusal::kNone;
  return peer.last_link == member.last_link ? Refusal::kNone : Refusal::kAlreadyLinked;
}

void PeerMesh::link_verified(PeerLink& link) {
  const Member* member = find(link.peer().server);
  CHECK(member != nullptr);
  const Refusal refusal = judge(link, *member);
  if (refusal == Refusal::kNone) {
    link.proceed();
  } else {
    link.refuse(refusal);
  }
}

void PeerMesh::link_open(PeerLink& link) {
  const LinkPointer opened = link.shared_from_this();
  Member& member = *find(link.peer().server);
  std::erase(strangers_, opened);
  if (member.greeting == opened) member.greeting.reset();
  lose(member, "replaced by a new link");
  report_lost(member);
  stop_dialing(member);
  opened->set_id(LinkId(++last_link_id_));
  member.link = opened;
  member.last_link = link.handshake().link_name();
  member.told_unreachable = false;
  member.figures.since_ms = opened->began_ms();
  ++member.figures.links;
  const bool dialed = link.side() == PeerHandshake::Side::kDialer;
  node::log_info(kPart, "linked",
                 {{"peer", name_of(member.config.id)},
                  {"address", link.address()},
                  {"dialedBy", name_of(dialed ? options_.self : member.config.id)}});
  handler_->peer_connected(opened->id(), {.server = member.config.id,
                                          .instance = link.peer().instance,
                                          .feature_level = link.peer().feature_level});
}

bool PeerMesh::link_frame(PeerLink& link, std::string_view payload) {
  return handler_->peer_frame(link.id(), payload);
}

void PeerMesh::link_failed(PeerLink& link, std::string_view reason) {
  const LinkPointer failed = link.shared_from_this();
  if (link.handshake().refusal() != Refusal::kNone) note_refusal(link);
  std::erase(strangers_, failed);
  for (const auto& member : members_) {
    if (member->link == failed) {
      lose(*member, reason);
      report_lost(*member);
    } else if (member->greeting == failed) {
      member->greeting.reset();
      member->dialer.next(link.address() + ": " + std::string(reason));
    }
  }
}

// Ends the member's link, if there is one, and sees to the next. The handler is told by
// `report_lost`, for the caller may be the handler itself.
void PeerMesh::lose(Member& member, std::string_view reason) {
  if (!member.link) return;
  const LinkPointer link = std::exchange(member.link, nullptr);
  link->close();
  const int64_t now = link_clock_ms();
  member.figures.bytes_received += link->bytes_received();
  member.figures.bytes_sent += link->bytes_sent();
  member.figures.last_error = reason;
  member.figures.since_ms = now;
  CHECK(member.lost == LinkId{});
  member.lost = link->id();
  node::log_info(
      kPart, "link lost",
      {{"peer", name_of(member.config.id)}, {"address", link->address()}, {"why", reason}});
  if (now - link->began_ms() < kPeerWorkedMs) {
    retry(member);
    return;
  }
  member.attempts = 0;
  asio::post(io_, [this, &member] { dial(member); });
}

void PeerMesh::report_lost(Member& member) {
  const LinkId lost = std::exchange(member.lost, LinkId{});
  if (lost != LinkId{}) handler_->peer_disconnected(lost);
}

void PeerMesh::note_refusal(const PeerLink& link) {
  // Not worth a word: two connections crossed.
  if (link.handshake().refusal() == Refusal::kAlreadyLinked) return;
  const int64_t now = link_clock_ms();
  const std::string explanation = link.handshake().explanation();
  const bool by_peer = link.handshake().refused_by_peer();
  ++refusals_.count;
  refusals_.last = explanation + " (" + link.address() + ")";
  refusals_.last_ms = now;
  if (told_refusals_.size() >= kToldRefusalsMax) told_refusals_.clear();
  const auto [told, is_new] = told_refusals_.try_emplace(explanation, now);
  const bool again = !is_new && now - told->second < kRepeatRefusalMs;
  if (!again) told->second = now;
  log_.log(now, again ? LogLevel::kDebug : LogLevel::kWarn,
           by_peer ? "refused by another server" : "refused another server",
           {{"address", link.address()}, {"why", explanation}});
}

// ---- the loop's side ------------------------------------------------------------------------

void PeerMesh::send(LinkId id, std::string_view message) {
  Member* member = find(id);
  if (member == nullptr) return;
  PeerLink& link = *member->link;
  if (link.queued_bytes() + message.size() > options_.queue_bytes_max) {
    close(id, "it does not read: " + std::to_string(link.queued_bytes()) + " bytes are queued");
    return;
  }
  link.send(message);
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  asio::post(io_, [this] { flush(); });
}

void PeerMesh::flush() {
  flush_scheduled_ = false;
  for (const auto& member : members_) {
    if (member->link) member->link->flush();
  }
}

void PeerMesh::close(LinkId id, std::string_view reason) {
  Member* member = find(id);
  if (member == nullptr) return;
  lose(*member, reason);
  asio::post(io_, [this, member] { report_lost(*member); });
}

size_t PeerMesh::queued_bytes(LinkId id) const {
  const Member* member = find(id);
  return member == nullptr ? 0 : member->link->queued_bytes();
}

std::vector<node::PeerFigures> PeerMesh::peers() const {
  std::vector<node::PeerFigures> all;
  for (const auto& member : members_) {
    node::PeerFigures figures = member->figures;
    if (member->link) {
      const PeerLink& link = *member->link;
      figures.state = node::PeerState::kLinked;
      figures.link = link.id();
      figures.address = link.address();
      figures.heard_ms = link.heard_ms();
      figures.bytes_received += link.bytes_received();
      figures.bytes_sent += link.bytes_sent();
      figures.queued_bytes = link.queued_bytes();
    } else if (member->greeting) {
      figures.state = node::PeerState::kGreeting;
    } else if (member->dialer.is_busy()) {
      figures.state = node::PeerState::kConnecting;
    }
    all.push_back(std::move(figures));
  }
  return all;
}

// ---- now and then ---------------------------------------------------------------------------

void PeerMesh::sweep() {
  const int64_t period_ms = std::max<int64_t>(ping_ms_ / kSweepsPerPing, 1);
  sweep_due_ms_ = link_clock_ms() + period_ms;
  sweep_timer_.expires_after(milliseconds(period_ms));
  sweep_timer_.async_wait([this](const asio::error_code& error) {
    if (error || stopped_) return;
    const int64_t now = link_clock_ms();
    // While this process did not run, what the others said could not be read.
    const int64_t late_ms = now - sweep_due_ms_;
    for (const auto& member : members_) {
      if (late_ms > ping_ms_ && member->link) member->link->forgive(late_ms);
      look_after(*member, now);
    }
    drop_slow_strangers(now);
    log_.tick(now);
    sweep();
  });
}

void PeerMesh::look_after(Member& member, int64_t now_ms) {
  if (const LinkPointer greeting = member.greeting;
      greeting && now_ms - greeting->began_ms() > options_.handshake_max_ms) {
    greeting->close();
    link_failed(*greeting, "the handshake took too long");
  }
  if (!member.link) return;
  if (now_ms - member.link->heard_ms() > options_.silence_max_ms) {
    lose(member, "nothing was heard for " + std::to_string(options_.silence_max_ms) + " ms");
    report_lost(member);
  } else if (now_ms - member.link->spoke_ms() >= ping_ms_ && member.link->queued_bytes() == 0) {
    member.link->send({});
    member.link->flush();
  }
}

void PeerMesh::drop_slow_strangers(int64_t now_ms) {
  std::erase_if(strangers_, [&](const LinkPointer& stranger) {
    if (now_ms - stranger->began_ms() <= options_.handshake_max_ms) return false;
    stranger->close();
    return true;
  });
}

PeerMesh::Member* PeerMesh::find(ServerId id) {
  for (const auto& member : members_) {
    if (member->config.id == id) return member.get();
  }
  return nullptr;
}

const PeerMesh::Member* PeerMesh::find(LinkId id) const {
  for (const auto& member : members_) {
    if (member->link && member->link->id() == id) return member.get();
  }
  return nullptr;
}

PeerMesh::Member* PeerMesh::find(LinkId id) {
  return const_cast<Member*>(std::as_const(*this).find(id));
}

int64_t PeerMesh::link_clock_ms() const {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

uint64_t PeerMesh::random() {
  std::array<uint8_t, 8> bytes{};
  entropy_.fill(bytes);
  uint64_t number = 0;
  for (const uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace topod::net
