#include "server/net/peer_mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include "tests/unit/net/peer_world.h"

namespace topod::net {
namespace {

using asio::ip::tcp;
using node::PeerState;
using testing::HasSubstr;
using testing::Not;

bool linked(const PeerNode& left, uint32_t left_id, const PeerNode& right, uint32_t right_id) {
  return left.told.linked(right_id) && right.told.linked(left_id);
}

// Longer than any test takes.
constexpr int64_t kNever = 600'000;

tcp::socket connect(PeerWorld& world, uint16_t port) {
  tcp::socket socket(world.io);
  socket.connect({asio::ip::address_v4::loopback(), port});
  return socket;
}

TEST(PeerMesh, MembersThatStartTogetherGetOneLinkPerPairAndKeepIt) {
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << round);
    PeerWorld world(3, static_cast<uint64_t>(round));
    PeerNode& one = world.listen(world.options(1));
    PeerNode& two = world.listen(world.options(2));
    PeerNode& three = world.listen(world.options(3));
    // Both ends of each pair reach the other, so their connections cross.
    for (PeerNode* node : {&one, &two, &three}) node->mesh.start(node->told);
    ASSERT_TRUE(world.run_until([&] {
      return linked(one, 1, two, 2) && linked(two, 2, three, 3) && linked(one, 1, three, 3);
    }));
    if (round % 10 == 0) {  // a moment later there are still no others
      ASSERT_TRUE(world.settle(one, two) && world.settle(two, three) && world.settle(one, three));
    }
    for (PeerNode* node : {&one, &two, &three}) {
      EXPECT_EQ(node->told.connected, 2);
      EXPECT_EQ(node->told.disconnected, 0);
      EXPECT_EQ(node->mesh.refusals().count, 0u);
    }
    const node::PeerIdentity& seen = one.told.identities.at(one.told.links.at(3));
    EXPECT_EQ(seen.server, ServerId(3));
    EXPECT_EQ(seen.instance, world.options(3).instance);
    EXPECT_EQ(seen.feature_level, 13u);
  }
}

TEST(PeerMesh, EitherEndsAddressIsEnough) {
  for (const uint32_t lost : {1u, 2u}) {
    PeerWorld world(2);
    PeerOptions options = world.options(lost);
    options.members.front().addresses = {{"127.0.0.1", 1}};
    PeerNode& blind = world.start(std::move(options));
    PeerNode& other = world.start(3 - lost);
    EXPECT_TRUE(world.run_until([&] { return linked(blind, lost, other, 3 - lost); }));
  }
}

TEST(PeerMesh, SeveralAddressesAreTriedInTurnAndNamesResolved) {
  PeerWorld world(2);
  PeerOptions options = world.options(2);
  const uint16_t port = world.port(1);
  options.members.front().addresses = {
      {"127.0.0.1", 1}, {"127.0.0.1", world.port(2)}, {"localhost", port}};
  PeerOptions blind = world.options(1);
  blind.members.front().addresses = {{"127.0.0.1", 1}};
  PeerNode& one = world.start(std::move(blind));
  PeerNode& two = world.start(std::move(options));
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  EXPECT_THAT(figures_of(two.mesh.peers(), 1).address,
              testing::AnyOf("127.0.0.1:" + std::to_string(port), HasSubstr("[::1]")));
  // The second address was its own.
  EXPECT_THAT(two.mesh.refusals().last, HasSubstr("server 2"));
}

TEST(PeerMesh, MessagesArriveWholeAndInOrder) {
  PeerWorld world(2);
  PeerNode& one = world.start(1);
  PeerNode& two = world.start(2);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  std::vector<std::string> sent;
  for (size_t i = 0; i < 300; ++i) sent.emplace_back(1 + i * 37, static_cast<char>('a' + i % 26));
  sent.emplace_back(size_t{5} * 1024 * 1024, 'L');
  sent.emplace_back("last");
  for (const std::string& message : sent) {
    one.mesh.send(one.told.links.at(2), message);
    two.mesh.send(two.told.links.at(1), message);
  }
  EXPECT_GT(one.mesh.queued_bytes(one.told.links.at(2)), size_t{5} * 1024 * 1024);
  ASSERT_TRUE(world.run_until([&] {
    return one.told.frames[2].size() == sent.size() && two.told.frames[1].size() == sent.size();
  }));
  EXPECT_TRUE(one.told.frames[2] == sent);
  EXPECT_TRUE(two.told.frames[1] == sent);
  EXPECT_EQ(one.mesh.queued_bytes(one.told.links.at(2)), 0u);
  EXPECT_GT(figures_of(one.mesh.peers(), 2).bytes_sent, size_t{5} * 1024 * 1024);
  EXPECT_GT(figures_of(two.mesh.peers(), 1).bytes_received, size_t{5} * 1024 * 1024);
}

TEST(PeerMesh, AMemberThatComesBackIsLinkedAgain) {
  for (const uint32_t killed : {1u, 2u}) {
    PeerWorld world(2);
    PeerNode* nodes[] = {&world.start(1), &world.start(2)};
    PeerNode& survivor = *nodes[2 - killed];
    const auto both = [&] { return linked(*nodes[0], 1, *nodes[1], 2); };
    ASSERT_TRUE(world.run_until(both));
    const LinkId first = survivor.told.links.at(killed);
    nodes[killed - 1]->mesh.stop();
    EXPECT_EQ(nodes[killed - 1]->told.disconnected, 1);
    ASSERT_TRUE(world.run_until([&] { return survivor.told.disconnected == 1; }));
    EXPECT_EQ(survivor.mesh.queued_bytes(first), 0u);
    survivor.mesh.send(first, "to nobody");
    ASSERT_TRUE(world.run_until([&] {
      const node::PeerFigures figures = figures_of(survivor.mesh.peers(), killed);
      return figures.last_error.starts_with("cannot connect");
    }));
    EXPECT_NE(figures_of(survivor.mesh.peers(), killed).state, PeerState::kLinked);

    nodes[killed - 1] = &world.start(killed);
    ASSERT_TRUE(world.run_until(both));
    EXPECT_NE(survivor.told.links.at(killed), first);
    EXPECT_EQ(figures_of(survivor.mesh.peers(), killed).links, 2u);
    EXPECT_EQ(survivor.mesh.refusals().count, 0u);
  }
}

TEST(PeerMesh, AClosedLinkIsMadeAgainAndTheHandlerIsNeverToldInsideItsOwnCall) {
  PeerWorld world(2);
  PeerNode& one = world.start(1);
  PeerNode& two = world.start(2);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  for (int round = 1; round <= 3; ++round) {
    PeerNode& closing = round % 2 == 0 ? one : two;
    const uint32_t other = round % 2 == 0 ? 2 : 1;
    closing.told.inside_call = true;
    closing.mesh.close(closing.told.links.at(other), "because");
    closing.told.inside_call = false;
    EXPECT_THAT(figures_of(closing.mesh.peers(), other).last_error, "because");
    ASSERT_TRUE(world.run_until([&] {
      return one.told.disconnected == round && two.told.disconnected == round &&
             linked(one, 1, two, 2);
    }));
    EXPECT_FALSE(closing.told.told_inside_call);
  }
}

TEST(PeerMesh, AFullQueueClosesTheLinkAndNothingElse) {
  PeerWorld world(3);
  PeerOptions options = world.options(1);
  options.queue_bytes_max = 100'000;
  PeerNode& one = world.start(std::move(options));
  PeerNode& two = world.start(2);
  PeerNode& three = world.start(3);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2) && linked(one, 1, three, 3); }));
  const LinkId link = one.told.links.at(2);
  one.told.inside_call = true;
  for (int i = 0; i < 11; ++i) one.mesh.send(link, std::string(10'000, 'q'));
  one.told.inside_call = false;
  EXPECT_EQ(one.mesh.queued_bytes(link), 0u);
  EXPECT_THAT(figures_of(one.mesh.peers(), 2).last_error, HasSubstr("does not read"));
  ASSERT_TRUE(world.run_until([&] { return one.told.disconnected == 1; }));
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  EXPECT_FALSE(one.told.told_inside_call);
  EXPECT_EQ(three.told.disconnected, 0);
}

TEST(PeerMesh, AMessageThatMakesNoSenseEndsItsLinkOnly) {
  PeerWorld world(3);
  PeerNode& one = world.start(1);
  PeerNode& two = world.start(2);
  PeerNode& three = world.start(3);
  ASSERT_TRUE(world.run_until([&] {
    return linked(one, 1, two, 2) && linked(one, 1, three, 3) && linked(two, 2, three, 3);
  }));
  two.told.accepts_frames = false;
  one.mesh.send(one.told.links.at(2), "nonsense");
  ASSERT_TRUE(world.run_until([&] { return two.told.disconnected == 1; }));
  EXPECT_THAT(figures_of(two.mesh.peers(), 1).last_error, HasSubstr("no sense"));
  two.told.accepts_frames = true;
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  EXPECT_EQ(three.told.disconnected, 0);
}

TEST(PeerMesh, StrangersDisturbNobodyAndAreClosed) {
  PeerWorld world(2);
  PeerOptions options = world.options(1);
  options.handshake_max_ms = 500;
  PeerNode& one = world.start(std::move(options));
  PeerNode& two = world.start(2);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));

  std::vector<tcp::socket> strangers;
  const auto say = [&](std::string_view bytes) {
    strangers.push_back(connect(world, world.port(1)));
    asio::write(strangers.back(), asio::buffer(bytes.data(), bytes.size()));
  };
  say("GET / HTTP/1.1\r\n\r\n");
  say(std::string("\xff\xff\xff\xff", 4));
  std::string frame;
  append_peer_frame(frame, std::string(kMaxHandshakeFrameBytes + 1, 'x'));
  say(frame);
  frame.clear();
  append_peer_frame(frame, "garbage");
  say(frame);
  // More than are allowed to linger, each with the beginning of a frame and never the end.
  for (size_t i = 0; i < 2 * kPeerStrangersMax; ++i) say(std::string("\0\0\0\x70stuck", 9));

  size_t closed = 0;
  char byte;
  for (tcp::socket& stranger : strangers) {
    stranger.async_read_some(asio::buffer(&byte, 1), [&](const asio::error_code& error, size_t) {
      if (error) ++closed;
    });
  }
  one.mesh.send(one.told.links.at(2), "meanwhile");
  ASSERT_TRUE(world.run_until([&] { return closed == strangers.size(); }));
  EXPECT_EQ(two.told.frames[1].size(), 1u);
  EXPECT_EQ(one.told.disconnected, 0);
  EXPECT_EQ(two.told.disconnected, 0);
  EXPECT_EQ(one.mesh.refusals().count, 4u);
  EXPECT_THAT(one.mesh.refusals().last, HasSubstr("not the peer protocol"));
}

TEST(PeerMesh, AMemberFindsItsWayPastManyStrangersOfWhomTheOldestIsClosed) {
  PeerWorld world(2);
  PeerOptions options = world.options(1);
  options.members.front().addresses = {{"127.0.0.1", 1}};  // only accepts
  options.handshake_max_ms = kNever;
  PeerNode& one = world.start(std::move(options));
  std::vector<tcp::socket> strangers;
  for (size_t i = 0; i < kPeerStrangersMax; ++i) {
    strangers.push_back(connect(world, world.port(1)));
  }
  bool closed = false;
  char byte;
  strangers.front().async_read_some(
      asio::buffer(&byte, 1),
      [&](const asio::error_code& error, size_t) { closed = static_cast<bool>(error); });
  PeerNode& two = world.start(2);
  EXPECT_TRUE(world.run_until([&] { return linked(one, 1, two, 2) && closed; }));
}

TEST(PeerMesh, ALinkThatWorkedIsMadeAgainAtOnce) {
  PeerWorld world(2);
  PeerOptions accepts = world.options(1);
  accepts.members.front().addresses = {{"127.0.0.1", 1}};
  PeerOptions dials = world.options(2);
  dials.retry_min_ms = dials.retry_max_ms = kNever;
  PeerNode& one = world.start(std::move(accepts));
  PeerNode& two = world.start(std::move(dials));
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  const int64_t since_ms = figures_of(two.mesh.peers(), 1).since_ms;
  ASSERT_TRUE(world.run_until(
      [&] { return figures_of(two.mesh.peers(), 1).heard_ms > since_ms + kPeerWorkedMs; }));
  one.mesh.close(one.told.links.at(2), "to see what happens");
  EXPECT_TRUE(world.run_until([&] { return two.told.connected == 2 && linked(one, 1, two, 2); }));
}

struct OutsiderCase {
  const char* name;
  std::function<void(PeerOptions&)> change;
  EnsembleId ensemble;
  const char* advice;
};

class PeerOutsider : public testing::TestWithParam<OutsiderCase> {};

TEST_P(PeerOutsider, IsRefusedAtBothEndsAndTheOthersAreNotDisturbed) {
  PeerWorld world(3);
  PeerNode& one = world.start(1);
  PeerNode& two = world.start(2);
  for (PeerNode* member : {&one, &two}) member->mesh.set_ensemble(EnsembleId(8), true);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  PeerOptions options = world.options(3);
  GetParam().change(options);
  PeerNode& outsider = world.start(std::move(options));
  outsider.mesh.set_ensemble(GetParam().ensemble, GetParam().ensemble != EnsembleId{});
  ASSERT_TRUE(world.run_until([&] {
    return one.mesh.refusals().count > 1 && two.mesh.refusals().count > 1 &&
           outsider.mesh.refusals().count > 1;
  }));
  EXPECT_EQ(outsider.told.connected, 0);
  for (PeerNode* node : {&one, &two, &outsider}) {
    const std::string& last = node->mesh.refusals().last;
    EXPECT_THAT(last, HasSubstr(GetParam().advice));
    EXPECT_THAT(last, HasSubstr("127.0.0.1:"));
    EXPECT_THAT(last, Not(HasSubstr("only members know")));
  }
  ASSERT_TRUE(world.settle(one, two));
  EXPECT_EQ(one.told.connected + two.told.connected, 2);
  EXPECT_EQ(one.told.disconnected + two.told.disconnected, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PeerOutsider,
    testing::Values(
        OutsiderCase{"WrongSecret",
                     [](PeerOptions& options) { options.secret = node::Secret("a guess"); },
                     EnsembleId{}, "peerSecretFile"},
        OutsiderCase{"OtherEnsemble", [](PeerOptions&) {}, EnsembleId(9), "0x0000000000000009"},
        OutsiderCase{"OtherVoters", [](PeerOptions& options) { options.voters_hash = 6; },
                     EnsembleId{}, "group lines"},
        OutsiderCase{"UnknownMyid", [](PeerOptions& options) { options.self = ServerId(4); },
                     EnsembleId{}, "is not in the member list"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PeerMesh, ASecondProcessWithALinkedMembersIdIsRefusedWhileTheFirstAnswers) {
  for (const bool same_directory : {false, true}) {
    PeerWorld world(2);
    PeerNode& one = world.start(1);
    PeerNode& two = world.start(2);
    ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
    PeerOptions options = world.options(2);
    options.listen = {{"127.0.0.1", 0}};
    if (!same_directory) options.instance.fill(99);
    PeerNode& second = world.start(std::move(options));
    ASSERT_TRUE(world.run_until([&] { return second.mesh.refusals().count > 2; }));
    EXPECT_THAT(second.mesh.refusals().last, HasSubstr("stop one of the two"));
    EXPECT_THAT(one.mesh.refusals().last, HasSubstr("stop one of the two"));
    EXPECT_EQ(second.told.connected, 0);
    EXPECT_EQ(one.told.disconnected, 0);
    EXPECT_EQ(two.told.disconnected, 0);

    two.mesh.stop();
    EXPECT_TRUE(world.run_until([&] { return linked(one, 1, second, 2); }));
  }
}

// One end of one connection, made by hand.
class ByHand final : public PeerLinkOwner {
 public:
  ByHand(PeerWorld& world, const PeerOptions& self, uint32_t target, uint64_t last_link) {
    Hello hello;
    hello.server = self.self;
    hello.target = ServerId(target);
    hello.run = 1;
    hello.last_link = last_link;
    hello.instance = self.instance;
    hello.voters_hash = self.voters_hash;
    world.entropy.fill(hello.nonce);
    const auto side = PeerHandshake::Side::kDialer;
    PeerLinkOwner& owner = *this;
    link = std::make_shared<PeerLink>(owner, connect(world, world.port(target)), "by hand", side,
                                      PeerHandshake(side, hello, {ServerId(target)}, self.secret));
    link->start();
  }
  void link_verified(PeerLink&) override { link->proceed(); }
  void link_open(PeerLink&) override {}
  bool link_frame(PeerLink&, std::string_view) override { return true; }
  void link_failed(PeerLink&, std::string_view) override {}
  [[nodiscard]] int64_t link_clock_ms() const override { return 0; }

  std::shared_ptr<PeerLink> link;
};

TEST(PeerMesh, AConnectionDialedBeforeTheLinkWasSeenIsPutAsideAndOneDialedAfterItsLossIsTaken) {
  PeerWorld world(2);
  PeerOptions decides = world.options(2);
  decides.members.front().addresses = {{"127.0.0.1", 1}};
  PeerNode& two = world.start(std::move(decides));
  ByHand first(world, world.options(1), 2, 0);
  ASSERT_TRUE(world.run_until([&] { return first.link->is_open() && two.told.linked(1); }));

  ByHand crossed(world, world.options(1), 2, 0);
  ASSERT_TRUE(world.run_until([&] { return crossed.link->is_closed(); }));
  EXPECT_EQ(crossed.link->handshake().refusal(), Refusal::kAlreadyLinked);
  EXPECT_EQ(two.told.disconnected, 0);
  EXPECT_EQ(two.mesh.refusals().count, 0u);

  ByHand again(world, world.options(1), 2, first.link->handshake().link_name());
  ASSERT_TRUE(world.run_until([&] { return again.link->is_open() && two.told.connected == 2; }));
  EXPECT_EQ(two.told.disconnected, 1);
  EXPECT_TRUE(world.run_until([&] { return first.link->is_closed(); }));
}

TEST(PeerMesh, ACopiedDataDirectoryIsRefusedWhileItsOwnerIsLinked) {
  PeerWorld world(3);
  PeerNode& one = world.start(1);
  PeerNode& two = world.start(2);
  ASSERT_TRUE(world.run_until([&] { return linked(one, 1, two, 2); }));
  PeerOptions options = world.options(3);
  options.instance = world.options(2).instance;
  PeerNode& copy = world.start(std::move(options));
  ASSERT_TRUE(world.run_until(
      [&] { return one.mesh.refusals().count > 0 && two.mesh.refusals().count > 0; }));
  EXPECT_THAT(one.mesh.refusals().last, HasSubstr("data directory of another member"));
  EXPECT_THAT(two.mesh.refusals().last, HasSubstr("data directory of another member"));
  EXPECT_EQ(copy.told.connected, 0);
  EXPECT_EQ(one.told.disconnected, 0);
}

TEST(PeerMesh, ASilentLinkIsClosedAndItsPlaceGoesToWhoAnswers) {
  PeerWorld world(2);
  PeerOptions options = world.options(1);
  options.silence_max_ms = kNever;
  PeerNode& one = world.start(std::move(options));
  PeerWorld frozen(2);  // a loop of its own, which will stand still
  PeerOptions frozen_options = frozen.options(2);
  frozen_options.members.front().addresses = {{"127.0.0.1", world.port(1)}};
  PeerNode& two = frozen.start(std::move(frozen_options));
  ASSERT_TRUE(world.run_until([&] {
    frozen.io.poll();
    return linked(one, 1, two, 2);
  }));
  const LinkId silent = one.told.links.at(2);
  PeerNode& again = world.start(2);
  ASSERT_TRUE(
      world.run_until([&] { return one.told.disconnected == 1 && linked(one, 1, again, 2); }));
  EXPECT_NE(one.told.links.at(2), silent);
}

TEST(PeerMesh, NothingHeardForTooLongIsTheEndOfALink) {
  PeerWorld world(2);
  PeerOptions options = world.options(1);
  options.silence_max_ms = 200;
  PeerNode& one = world.start(std::move(options));
  PeerWorld frozen(2);
  PeerOptions frozen_options = frozen.options(2);
  frozen_options.members.front().addresses = {{"127.0.0.1", world.port(1)}};
  PeerNode& two = frozen.start(std::move(frozen_options));
  ASSERT_TRUE(world.run_until([&] {
    frozen.io.poll();
    return linked(one, 1, two, 2);
  }));
  ASSERT_TRUE(world.run_until([&] { return one.told.disconnected == 1; }));
  EXPECT_THAT(figures_of(one.mesh.peers(), 2).last_error, HasSubstr("nothing was heard"));
  EXPECT_TRUE(world.run_until([&] {
    frozen.io.poll();
    return two.told.disconnected == 1 && linked(one, 1, two, 2);
  }));
}

TEST(PeerMesh, AnAddressThatIsTakenIsSaidByName) {
  PeerWorld world(1);
  PeerNode& one = world.start(1);
  ASSERT_EQ(one.mesh.ports(), std::vector<uint16_t>{world.port(1)});
  PeerMesh other(world.io, world.options(1), world.entropy);
  const auto listening = other.listen();
  ASSERT_FALSE(listening);
  EXPECT_THAT(listening.error(), HasSubstr("127.0.0.1:" + std::to_string(world.port(1))));
}

}  // namespace
}  // namespace topod::net
