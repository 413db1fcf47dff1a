#include "server/net/peer_handshake.h"

#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/limits.h"
#include "server/net/peer_frame.h"

namespace topod::net {
namespace {

using Progress = PeerHandshake::Progress;
using Side = PeerHandshake::Side;
using testing::HasSubstr;
using testing::Not;

constexpr size_t kHelloBytes = 8 + 3 * 4 + 2 * 8 + 16 + 8 + 1 + 8 + 4 + 32;

Hello hello_of(uint32_t server, uint32_t target) {
  Hello hello;
  hello.server = ServerId(server);
  hello.target = ServerId(target);
  hello.run = 100 + server;
  hello.instance.fill(static_cast<uint8_t>(server));
  hello.ensemble = EnsembleId(0xe5);
  hello.founded = true;
  hello.voters_hash = 77;
  hello.feature_level = 3;
  hello.nonce.fill(static_cast<uint8_t>(50 + server));
  return hello;
}

std::vector<std::string> payloads(std::string_view bytes) {
  PeerFrameReader reader(kMaxHandshakeFrameBytes);
  const std::span<char> room = reader.writable(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), room.begin());
  reader.filled(bytes.size());
  std::vector<std::string> all;
  for (auto next = reader.next(); next.verdict == PeerFrameReader::Verdict::kFrame;
       next = reader.next()) {
    all.emplace_back(next.payload);
  }
  return all;
}

struct BothEnds {
  Hello dialer = hello_of(1, 2);
  Hello acceptor = hello_of(2, 0);
  std::vector<ServerId> dialer_knows = {ServerId(2), ServerId(3)};
  std::vector<ServerId> acceptor_knows = {ServerId(1), ServerId(3)};
  std::string dialer_secret = "shared";
  std::string acceptor_secret = "shared";
};

// Two ends, and what each of them came to. Nothing is sent to an end that has finished.
struct Exchange {
  explicit Exchange(const BothEnds& ends)
      : dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret(ends.dialer_secret)),
        acceptor(Side::kAcceptor, ends.acceptor, ends.acceptor_knows,
                 node::Secret(ends.acceptor_secret)) {}

  static bool finished(Progress progress) {
    return progress == Progress::kOpen || progress == Progress::kRefused;
  }

  void deliver(PeerHandshake& from, PeerHandshake& to, Progress& progress) {
    for (const std::string& payload : payloads(from.take_output())) {
      said.push_back(payload);
      if (finished(progress)) continue;
      progress = to.receive(payload);
      if (progress == Progress::kVerified) progress = to.proceed();
    }
  }

  void run() {
    constexpr int kMessagesMax = 6;
    for (int i = 0; i < kMessagesMax; ++i) {
      deliver(dialer, acceptor, acceptor_progress);
      deliver(acceptor, dialer, dialer_progress);
    }
  }

  PeerHandshake dialer;
  PeerHandshake acceptor;
  Progress dialer_progress = Progress::kContinues;
  Progress acceptor_progress = Progress::kContinues;
  std::vector<std::string> said;
};

TEST(PeerHandshake, MembersWithTheSameSecretOpenTheLinkWhicheverDials) {
  for (const bool lower_dials : {true, false}) {
    BothEnds ends;
    if (!lower_dials) {
      ends.dialer = hello_of(2, 1);
      ends.acceptor = hello_of(1, 0);
      std::swap(ends.dialer_knows, ends.acceptor_knows);
    }
    Exchange exchange(ends);
    exchange.run();
    EXPECT_EQ(exchange.dialer_progress, Progress::kOpen);
    EXPECT_EQ(exchange.acceptor_progress, Progress::kOpen);
    EXPECT_EQ(exchange.dialer.link_name(), exchange.acceptor.link_name());
    EXPECT_EQ(exchange.dialer.peer().instance, ends.acceptor.instance);
    EXPECT_EQ(exchange.acceptor.peer(), ends.dialer);
    EXPECT_EQ(exchange.said.size(), 5u);
  }
}

TEST(PeerHandshake, WithoutSecretsTheExchangeIsTheSame) {
  BothEnds ends;
  ends.dialer_secret.clear();
  ends.acceptor_secret.clear();
  Exchange exchange(ends);
  exchange.run();
  EXPECT_EQ(exchange.dialer_progress, Progress::kOpen);
  EXPECT_EQ(exchange.acceptor_progress, Progress::kOpen);
  EXPECT_EQ(exchange.said.size(), 5u);
}

TEST(PeerHandshake, AMemberThatKnowsNoEnsembleYetIsTakenByOneThatDoes) {
  BothEnds ends;
  ends.dialer.ensemble = {};
  ends.dialer.founded = false;
  Exchange exchange(ends);
  exchange.run();
  EXPECT_EQ(exchange.acceptor_progress, Progress::kOpen);
}

TEST(PeerHandshake, ALinkIsNamedAnewByEachExchange) {
  BothEnds ends;
  Exchange first(ends);
  first.run();
  ends.dialer.nonce.fill(1);
  Exchange second(ends);
  second.run();
  EXPECT_NE(first.dialer.link_name(), second.dialer.link_name());
}

struct RefusalCase {
  const char* name;
  std::function<void(BothEnds&)> change;
  Refusal refusal;
  // What the explanation says, beside both servers.
  const char* advice;
};

class PeerRefusal : public testing::TestWithParam<RefusalCase> {};

TEST_P(PeerRefusal, EndsTheExchangeAndNamesBothSidesAtBothEnds) {
  BothEnds ends;
  GetParam().change(ends);
  Exchange exchange(ends);
  exchange.run();
  EXPECT_EQ(exchange.dialer_progress, Progress::kRefused);
  EXPECT_EQ(exchange.acceptor_progress, Progress::kRefused);
  for (const PeerHandshake* end : {&exchange.dialer, &exchange.acceptor}) {
    EXPECT_EQ(end->refusal(), GetParam().refusal);
    const std::string text = end->explanation();
    EXPECT_THAT(text, HasSubstr("server " + std::to_string(ends.dialer.server.value())));
    EXPECT_THAT(text, HasSubstr("server " + std::to_string(ends.acceptor.server.value())));
    EXPECT_THAT(text, HasSubstr(GetParam().advice));
    EXPECT_THAT(text, Not(HasSubstr("shared")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, PeerRefusal,
    testing::Values(
        RefusalCase{"UnknownDialer", [](BothEnds& ends) { ends.acceptor_knows = {ServerId(3)}; },
                    Refusal::kUnknownMember, "add server.1"},
        RefusalCase{"AddressOfSomebodyElse",
                    [](BothEnds& ends) { ends.dialer.target = ServerId(3); }, Refusal::kWrongTarget,
                    "correct the address of server.3"},
        RefusalCase{"SameMyid",
                    [](BothEnds& ends) {
                      ends.dialer.server = ServerId(2);
                      ends.dialer_knows = {ServerId(2), ServerId(3)};
                    },
                    Refusal::kSameId, "a myid of its own"},
        RefusalCase{"WrongSecret", [](BothEnds& ends) { ends.dialer_secret = "shared?"; },
                    Refusal::kWrongSecret, "peerSecretFile"},
        RefusalCase{"DialerWithoutSecret", [](BothEnds& ends) { ends.dialer_secret.clear(); },
                    Refusal::kWrongSecret, "peerSecretFile"},
        RefusalCase{"AcceptorWithoutSecret", [](BothEnds& ends) { ends.acceptor_secret.clear(); },
                    Refusal::kWrongSecret, "peerSecretFile"},
        RefusalCase{"OtherEnsemble",
                    [](BothEnds& ends) { ends.dialer.ensemble = EnsembleId(0xe6); },
                    Refusal::kOtherEnsemble, "0x00000000000000e6"},
        RefusalCase{"CopiedDataDirectory",
                    [](BothEnds& ends) { ends.dialer.instance = ends.acceptor.instance; },
                    Refusal::kCopiedDirectory, "empty the copy"},
        RefusalCase{"OtherVoters", [](BothEnds& ends) { ends.acceptor.voters_hash = 78; },
                    Refusal::kVotersDiffer, "group lines"}),
    [](const auto& test) { return std::string(test.param.name); });

// The constructor sets the version, so a hello of another one is made by hand.
std::string hello_payload(const Hello& hello) { return "\x01" + encode(hello); }

TEST(PeerHandshake, AnotherProtocolVersionIsRefusedWithBothVersionsWhateverFollowsIt) {
  for (const uint32_t version : {0u, 2u, 0xffffffffu}) {
    for (const size_t cut : {size_t{0}, kHelloBytes - 20}) {
      Hello other = hello_of(1, 2);
      other.version = version;
      std::string payload = hello_payload(other);
      payload.resize(payload.size() - cut);
      PeerHandshake acceptor(Side::kAcceptor, hello_of(2, 0), {ServerId(1)}, node::Secret("s"));
      EXPECT_EQ(acceptor.receive(payload), Progress::kRefused);
      EXPECT_EQ(acceptor.refusal(), Refusal::kOtherVersion);
      EXPECT_THAT(acceptor.explanation(), HasSubstr("server 1 version " + std::to_string(version)));
      EXPECT_THAT(acceptor.explanation(), HasSubstr("server 2 speaks version 1"));
      EXPECT_EQ(payloads(acceptor.take_output()).size(), 2u);  // who we are, and why not
    }
  }
}

TEST(PeerHandshake, AHelloThatLacksAnyOfItsBytesGetsNoAnswer) {
  const std::string whole = hello_payload(hello_of(1, 2));
  ASSERT_EQ(whole.size(), 1 + kHelloBytes);
  for (size_t size = 0; size < whole.size(); ++size) {
    PeerHandshake acceptor(Side::kAcceptor, hello_of(2, 0), {ServerId(1)}, node::Secret("s"));
    EXPECT_EQ(acceptor.receive(whole.substr(0, size)), Progress::kRefused) << size;
    EXPECT_EQ(acceptor.refusal(), Refusal::kGarbage);
    EXPECT_EQ(acceptor.take_output(), "");
  }
}

TEST(PeerHandshake, GarbageGetsNoAnswer) {
  const std::string whole = hello_payload(hello_of(1, 2));
  std::string wrong_magic = whole;
  wrong_magic[1] ^= 1;
  std::string wrong_boolean = whole;
  wrong_boolean[1 + 8 + 12 + 16 + 16 + 8] = 2;
  for (const std::string& bytes :
       {whole + "x", wrong_magic, wrong_boolean, std::string("\x02") + std::string(32, 'x'),
        std::string("\x03"), std::string("\x04\x09"), std::string("\x05"), std::string("GET / ")}) {
    PeerHandshake acceptor(Side::kAcceptor, hello_of(2, 0), {ServerId(1)}, node::Secret("s"));
    EXPECT_EQ(acceptor.receive(bytes), Progress::kRefused);
    EXPECT_EQ(acceptor.refusal(), Refusal::kGarbage);
    EXPECT_EQ(acceptor.take_output(), "");
  }
}

TEST(PeerHandshake, AHelloEncodesAndDecodesToTheSame) {
  Hello hello = hello_of(1, 2);
  hello.last_link = 0xfedcba9876543210;
  Hello again;
  ASSERT_EQ(decode(encode(hello), again), HelloVerdict::kWhole);
  EXPECT_EQ(again, hello);
}

TEST(PeerHandshake, AnyChangedByteOfAHelloIsNoticedByTheProof) {
  const BothEnds ends;
  PeerHandshake dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  const std::string hello = payloads(dialer.take_output()).front();
  // A run that somebody in the middle has changed is in nobody's interest but theirs.
  std::string changed = hello;
  changed[1 + 8 + 12] ^= 1;
  PeerHandshake acceptor(Side::kAcceptor, ends.acceptor, ends.acceptor_knows, node::Secret("s"));
  ASSERT_EQ(acceptor.receive(changed), Progress::kContinues);
  ASSERT_EQ(dialer.receive(payloads(acceptor.take_output()).front()), Progress::kContinues);
  EXPECT_EQ(acceptor.receive(payloads(dialer.take_output()).front()), Progress::kRefused);
  EXPECT_EQ(acceptor.refusal(), Refusal::kWrongSecret);
}

TEST(PeerHandshake, AProofIsWorthNothingOnAnotherConnection) {
  const BothEnds ends;
  Exchange heard(ends);
  heard.run();
  ASSERT_EQ(heard.acceptor_progress, Progress::kOpen);
  // Somebody who has heard all of it says the dialer's part again.
  Hello fresh = ends.acceptor;
  fresh.nonce.fill(9);
  PeerHandshake acceptor(Side::kAcceptor, fresh, ends.acceptor_knows, node::Secret("shared"));
  ASSERT_EQ(acceptor.receive(heard.said[0]), Progress::kContinues);
  EXPECT_EQ(acceptor.receive(heard.said[2]), Progress::kRefused);
  EXPECT_EQ(acceptor.refusal(), Refusal::kWrongSecret);
}

TEST(PeerHandshake, AReflectedHelloOrProofIsRefused) {
  const BothEnds ends;
  PeerHandshake dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  EXPECT_EQ(dialer.receive(payloads(dialer.take_output()).front()), Progress::kRefused);
  EXPECT_EQ(dialer.refusal(), Refusal::kGarbage);

  // The proofs of both ends are over the same texts but for the label.
  Hello impostor = hello_of(2, 1);
  PeerHandshake victim(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  static_cast<void>(victim.take_output());
  ASSERT_EQ(victim.receive(hello_payload(impostor)), Progress::kContinues);
  const std::string proof = payloads(victim.take_output()).front();
  EXPECT_EQ(victim.receive(proof), Progress::kRefused);
  EXPECT_EQ(victim.refusal(), Refusal::kWrongSecret);
}

TEST(PeerHandshake, NobodyIsAcceptedWithoutAProof) {
  const BothEnds ends;
  for (const std::string& instead :
       {std::string("\x03"), std::string("\x02"), "\x02" + std::string(31, 'x'),
        "\x02" + std::string(32, 'x'), "\x02" + std::string(33, 'x')}) {
    PeerHandshake acceptor(Side::kAcceptor, ends.acceptor, ends.acceptor_knows, node::Secret("s"));
    ASSERT_EQ(acceptor.receive(hello_payload(ends.dialer)), Progress::kContinues);
    EXPECT_EQ(acceptor.receive(instead), Progress::kRefused);
  }
}

TEST(PeerHandshake, TheHigherIdHasTheLastWord) {
  const BothEnds ends;
  PeerHandshake dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  PeerHandshake acceptor(Side::kAcceptor, ends.acceptor, ends.acceptor_knows, node::Secret("s"));
  ASSERT_EQ(acceptor.receive(payloads(dialer.take_output()).front()), Progress::kContinues);
  ASSERT_EQ(dialer.receive(payloads(acceptor.take_output()).front()), Progress::kContinues);
  ASSERT_EQ(acceptor.receive(payloads(dialer.take_output()).front()), Progress::kVerified);
  ASSERT_TRUE(acceptor.has_last_word());
  EXPECT_FALSE(dialer.has_last_word());
  ASSERT_EQ(acceptor.proceed(), Progress::kOpen);
  const std::vector<std::string> last = payloads(acceptor.take_output());
  ASSERT_EQ(last.size(), 2u);
  ASSERT_EQ(dialer.receive(last[0]), Progress::kVerified);
  ASSERT_EQ(dialer.proceed(), Progress::kContinues);
  EXPECT_EQ(dialer.receive(last[1]), Progress::kOpen);
}

TEST(PeerHandshake, ADecisionAgainstAVerifiedMemberReachesIt) {
  const BothEnds ends;
  PeerHandshake dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  PeerHandshake acceptor(Side::kAcceptor, ends.acceptor, ends.acceptor_knows, node::Secret("s"));
  ASSERT_EQ(acceptor.receive(payloads(dialer.take_output()).front()), Progress::kContinues);
  ASSERT_EQ(dialer.receive(payloads(acceptor.take_output()).front()), Progress::kContinues);
  ASSERT_EQ(acceptor.receive(payloads(dialer.take_output()).front()), Progress::kVerified);
  acceptor.refuse(Refusal::kSecondProcess);
  ASSERT_EQ(dialer.receive(payloads(acceptor.take_output()).front()), Progress::kRefused);
  EXPECT_TRUE(dialer.refused_by_peer());
  EXPECT_EQ(dialer.explanation(), acceptor.explanation());
  EXPECT_THAT(dialer.explanation(), HasSubstr("stop one of the two"));
}

TEST(PeerHandshake, AReasonThatOnlyANewerVersionKnowsIsNamedByItsNumber) {
  const BothEnds ends;
  PeerHandshake dialer(Side::kDialer, ends.dialer, ends.dialer_knows, node::Secret("s"));
  ASSERT_EQ(dialer.receive(hello_payload(hello_of(2, 1))), Progress::kContinues);
  ASSERT_EQ(dialer.receive("\x04\xc8"), Progress::kRefused);
  EXPECT_THAT(dialer.explanation(), HasSubstr("server 2 refuses server 1 for reason 200"));
}

TEST(PeerFrame, AFrameIsReadHoweverItsBytesArrive) {
  std::string stream;
  append_peer_frame(stream, "one");
  append_peer_frame(stream, "");
  append_peer_frame(stream, std::string(100'000, 'x'));
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, stream.size()}) {
    PeerFrameReader reader(limits::kMaxPeerFrameBytes);
    std::vector<std::string> got;
    for (size_t at = 0; at < stream.size(); at += piece) {
      const std::string_view part = std::string_view(stream).substr(at, piece);
      const std::span<char> room = reader.writable(part.size());
      std::copy(part.begin(), part.end(), room.begin());
      reader.filled(part.size());
      for (auto next = reader.next(); next.verdict == PeerFrameReader::Verdict::kFrame;
           next = reader.next()) {
        got.emplace_back(next.payload);
      }
    }
    EXPECT_THAT(got, testing::ElementsAre("one", "", std::string(100'000, 'x'))) << piece;
  }
}

TEST(PeerFrame, AnyChangedByteIsNoticed) {
  std::string stream;
  append_peer_frame(stream, "a payload of some length");
  for (size_t at = 0; at < stream.size(); ++at) {
    std::string changed = stream;
    changed[at] ^= 4;
    PeerFrameReader reader(1000);
    const std::span<char> room = reader.writable(changed.size());
    std::copy(changed.begin(), changed.end(), room.begin());
    reader.filled(changed.size());
    EXPECT_NE(reader.next().verdict, PeerFrameReader::Verdict::kFrame) << at;
  }
}

TEST(PeerFrame, AnAnnouncedLengthGetsNoMemoryBeforeItsBytes) {
  std::string header("\x03\x00\x00\x00", 4);  // 48 MiB, which is allowed
  header += std::string(8, 'h');
  PeerFrameReader reader(limits::kMaxPeerFrameBytes);
  const std::span<char> room = reader.writable(header.size());
  std::copy(header.begin(), header.end(), room.begin());
  reader.filled(header.size());
  ASSERT_EQ(reader.next().verdict, PeerFrameReader::Verdict::kNeedMore);
  static_cast<void>(reader.writable(1024));
  EXPECT_LE(reader.buffer_bytes(), 4096u);
}

TEST(PeerFrame, ALengthOverTheLimitIsRefusedAtOnce) {
  PeerFrameReader reader(kMaxHandshakeFrameBytes);
  const std::string header("\x00\x00\x10\x01", 4);
  const std::span<char> room = reader.writable(header.size());
  std::copy(header.begin(), header.end(), room.begin());
  reader.filled(header.size());
  EXPECT_EQ(reader.next().verdict, PeerFrameReader::Verdict::kTooLong);
}

}  // namespace
}  // namespace topod::net
