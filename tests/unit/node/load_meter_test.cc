#include "server/node/load_meter.h"

#include <gmock/gmock.h>

#include "proto/jute.h"
#include "server/node/path_prefix.h"
#include "tests/unit/state/state_driver.h"

namespace topod::node {
namespace {

std::string frame_of(OpCode op, std::string_view path) {
  std::string frame;
  JuteWriter out(frame);
  out.write_int(1);
  out.write_int(static_cast<int32_t>(op));
  out.write_string(path);
  out.write_bool(false);
  return frame;
}

uint64_t requests_of(const BoundedLabels<LoadMeter::Load>& labels, std::string_view name) {
  for (const auto& slot : labels.slots()) {
    if (slot.name == name) return slot.figures.requests;
  }
  return 0;
}

TEST(PathPrefix, IsTheFirstComponentsOfTheParent) {
  EXPECT_EQ(prefix_of_parent("/vitess/zone1/tablets/zone1-100/Tablet", 3), "/vitess/zone1/tablets");
  EXPECT_EQ(prefix_of_parent("/vitess/zone1/tablets", 3), "/vitess/zone1");
  EXPECT_EQ(prefix_of_parent("/a", 3), "/");
  EXPECT_EQ(prefix_of_parent("/", 3), "/");
  EXPECT_EQ(prefix_of_parent("/a/b/c", 1), "/a");
  EXPECT_EQ(first_components("/a/b/c", 2), "/a/b");
  EXPECT_EQ(first_components("/", 2), "/");
}

TEST(LoadMeter, ARequestCountsForItsClientAndForTheParentOfItsPath) {
  LoadMeter meter(2, 1);
  meter.opened(ConnectionId(1), "10.0.0.1", 0);
  meter.opened(ConnectionId(2), "10.0.0.2", 0);
  const std::string get = frame_of(OpCode::kGetData, "/a/b/c");
  meter.request(ConnectionId(1), get, 0);
  meter.request(ConnectionId(1), frame_of(OpCode::kGetChildren2, "/a/b"), 0);
  meter.request(ConnectionId(2), frame_of(OpCode::kDelete, "/a/x"), 0);
  EXPECT_EQ(requests_of(meter.addresses(), "10.0.0.1"), 2U);
  EXPECT_EQ(requests_of(meter.addresses(), "10.0.0.2"), 1U);
  EXPECT_EQ(requests_of(meter.prefixes(), "/a/b"), 2U);  // a directory counts for itself
  EXPECT_EQ(requests_of(meter.prefixes(), "/a"), 1U);
  meter.closed(ConnectionId(2));
  meter.request(ConnectionId(2), get, 0);  // of nobody any more
  EXPECT_EQ(requests_of(meter.addresses(), "10.0.0.2"), 1U);
}

TEST(LoadMeter, OneInSoManyIsLookedAtAndCountsForAll) {
  LoadMeter meter(1);
  meter.opened(ConnectionId(1), "10.0.0.1", 0);
  constexpr int kRequests = 160'000;
  int taken = 0;
  // Two kinds in turn, which looking at every 16th would not tell apart.
  for (int i = 0; i < kRequests; ++i) {
    if (!meter.takes_next()) continue;
    ++taken;
    meter.request(ConnectionId(1), frame_of(OpCode::kGetData, i % 2 == 0 ? "/a/x" : "/b/x"), i);
  }
  EXPECT_NEAR(taken, kRequests / 16.0, 500);
  EXPECT_EQ(requests_of(meter.addresses(), "10.0.0.1"),
            uint64_t{16} * static_cast<uint64_t>(taken));
  EXPECT_NEAR(static_cast<double>(requests_of(meter.prefixes(), "/a")), kRequests / 2.0, 5'000);
  EXPECT_NEAR(static_cast<double>(requests_of(meter.prefixes(), "/b")), kRequests / 2.0, 5'000);
}

TEST(LoadMeter, EveryRequestIsLookedAtIfThatIsAsked) {
  LoadMeter meter(1, 1);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(meter.takes_next());
}

TEST(LoadMeter, AMultiCountsForItsFirstPart) {
  const state::Request request = state::multi({state::remove("/m/x"), state::remove("/n/y")});
  std::string frame;
  JuteWriter out(frame);
  out.write_int(1);
  out.write_int(static_cast<int32_t>(OpCode::kMulti));
  out.write_raw(request.body);
  EXPECT_EQ(path_in_request(frame), "/m/x");
}

TEST(LoadMeter, WhatIsNoRequestAboutAPathHasNone) {
  EXPECT_EQ(path_in_request(""), "");
  EXPECT_EQ(path_in_request(frame_of(OpCode::kPing, "/a")), "");
  EXPECT_EQ(path_in_request(frame_of(OpCode::kGetData, "a")), "");
  EXPECT_EQ(path_in_request(frame_of(OpCode::kGetData, "")), "");
  // Every way to cut one short, and a length that lies.
  const std::string whole = frame_of(OpCode::kGetData, "/abc").substr(0, 16);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(path_in_request(std::string_view(whole).substr(0, size)), "") << size;
  }
  EXPECT_EQ(path_in_request(whole), "/abc");
  std::string lies = whole;
  lies[8] = '\x7f';
  EXPECT_EQ(path_in_request(lies), "");
  lies[8] = '\xff';
  EXPECT_EQ(path_in_request(lies), "");
}

TEST(BoundedLabels, ManyNamesShareAPlaceAndTheSumStaysRight) {
  LoadMeter meter(1, 1);
  meter.opened(ConnectionId(1), "10.0.0.1", 0);
  constexpr int kPaths = 1'000;
  for (int i = 0; i < kPaths; ++i) {
    meter.request(ConnectionId(1), frame_of(OpCode::kGetData, "/" + std::to_string(i) + "/x"), i);
  }
  const auto& slots = meter.prefixes().slots();
  ASSERT_EQ(slots.size(), LoadMeter::kPrefixesMax + 1);
  EXPECT_EQ(slots[0].name, "other");
  uint64_t sum = 0;
  for (const auto& slot : slots) sum += slot.figures.requests;
  EXPECT_EQ(sum, uint64_t{kPaths});
  EXPECT_EQ(slots[0].figures.requests, kPaths - LoadMeter::kPrefixesMax);
}

TEST(BoundedLabels, AnIdleNameGivesItsPlaceToANewcomerUnlessItIsHeld) {
  using Labels = BoundedLabels<LoadMeter::Load>;
  Labels labels(2);
  const size_t held = labels.place_of("held", 0);
  labels.hold(held);
  labels[labels.place_of("idle", 0)].requests = 7;
  EXPECT_EQ(labels.place_of("new", Labels::kIdleMs - 1), Labels::kOther);
  const size_t place = labels.place_of("new", Labels::kIdleMs + 1'000);
  EXPECT_EQ(labels.slots()[place].name, "new");
  EXPECT_EQ(labels[place].requests, 0U);
  EXPECT_EQ(labels[Labels::kOther].requests, 7U);
  EXPECT_EQ(labels.place_of("held", 9 * Labels::kIdleMs), held);
}

}  // namespace
}  // namespace topod::node
