#include "proto/frame.h"

#include <algorithm>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/codes.h"
#include "proto/jute.h"

namespace topod {
namespace {

using ::testing::ElementsAre;
using Verdict = FrameReader::Verdict;

constexpr int32_t kLimit = 1000;

std::string frame(std::string_view payload) {
  std::string out;
  JuteWriter(out).write_buffer(payload);
  return out;
}

// A header that announces `length` bytes, then an xid and an opcode.
std::string announce(int32_t length, OpCode op) {
  std::string out;
  JuteWriter writer(out);
  writer.write_int(length);
  writer.write_int(kXidSetWatches);
  writer.write_int(static_cast<int32_t>(op));
  return out;
}

void feed(FrameReader& reader, std::string_view bytes) {
  const std::span<char> room = reader.writable(bytes.size());
  ASSERT_GE(room.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  reader.filled(bytes.size());
}

// Takes out every frame that is complete.
std::vector<std::string> take(FrameReader& reader) {
  std::vector<std::string> frames;
  while (true) {
    const FrameReader::Next next = reader.next();
    if (next.verdict != Verdict::kFrame) {
      EXPECT_EQ(next.verdict, Verdict::kNeedMore);
      return frames;
    }
    EXPECT_EQ(next.length, static_cast<int32_t>(next.frame.size()));
    frames.emplace_back(next.frame);
  }
}

TEST(FrameReader, EverySplitOfAStreamGivesTheSameFrames) {
  const std::string stream = frame("one") + frame("x") + frame("three and more");
  for (size_t first = 0; first <= stream.size(); ++first) {
    for (size_t second = first; second <= stream.size(); ++second) {
      FrameReader reader(kLimit);
      std::vector<std::string> frames;
      for (const auto& [from, to] : {std::pair(size_t{0}, first), std::pair(first, second),
                                     std::pair(second, stream.size())}) {
        feed(reader, std::string_view(stream).substr(from, to - from));
        for (std::string& taken : take(reader)) frames.push_back(std::move(taken));
      }
      ASSERT_THAT(frames, ElementsAre("one", "x", "three and more")) << first << ", " << second;
      ASSERT_EQ(reader.pending(), "");
    }
  }
}

TEST(FrameReader, FramesOfAllSizesComeThroughChunksOfAllSizes) {
  std::string stream;
  std::vector<std::string> expected;
  for (size_t size = 1; size <= 600; size += 13) {
    expected.emplace_back(size, static_cast<char>('a' + size % 26));
    stream += frame(expected.back());
  }
  for (size_t chunk = 1; chunk <= 700; chunk += chunk < 8 ? 1 : 37) {
    FrameReader reader(kLimit);
    std::vector<std::string> frames;
    for (size_t at = 0; at < stream.size(); at += chunk) {
      feed(reader, std::string_view(stream).substr(at, chunk));
      for (std::string& taken : take(reader)) frames.push_back(std::move(taken));
    }
    ASSERT_EQ(frames, expected) << "chunks of " << chunk;
  }
}

TEST(FrameReader, FramesStayWhereTheyAreUntilTheNextRead) {
  FrameReader reader(kLimit);
  feed(reader, frame("one") + frame("two"));
  const FrameReader::Next one = reader.next();
  const FrameReader::Next two = reader.next();
  EXPECT_EQ(reader.next().verdict, Verdict::kNeedMore);
  EXPECT_EQ(one.frame, "one");
  EXPECT_EQ(two.frame, "two");
}

TEST(FrameReader, LengthUpToTheLimitIsAccepted) {
  for (const size_t size : {size_t{1}, size_t{kLimit} - 1, size_t{kLimit}}) {
    FrameReader reader(kLimit);
    feed(reader, frame(std::string(size, 'x')));
    EXPECT_THAT(take(reader), ElementsAre(std::string(size, 'x')));
  }
}

TEST(FrameReader, OtherLengthsAreRefusedByTheirHeader) {
  for (const int32_t length : {0, -1, INT32_MIN, limits::kMaxSetWatchesFrameBytes + 1, INT32_MAX}) {
    FrameReader reader(kLimit);
    std::string header;
    JuteWriter(header).write_int(length);
    feed(reader, header.substr(0, 3));
    EXPECT_EQ(reader.next().verdict, Verdict::kNeedMore);
    feed(reader, header.substr(3));
    const FrameReader::Next next = reader.next();
    EXPECT_EQ(next.verdict, Verdict::kBadLength) << length;
    EXPECT_EQ(next.length, length);
  }
}

TEST(FrameReader, LengthAboveTheLimitIsRefusedOnceTheOperationIsKnown) {
  const std::string request = announce(kLimit + 1, OpCode::kSetData);
  for (size_t size = 0; size < request.size(); ++size) {
    FrameReader reader(kLimit);
    feed(reader, std::string_view(request).substr(0, size));
    EXPECT_EQ(reader.next().verdict, Verdict::kNeedMore) << size;
  }
  FrameReader reader(kLimit);
  feed(reader, request);
  EXPECT_EQ(reader.next().verdict, Verdict::kBadLength);
}

TEST(FrameReader, SetWatchesMayBeLonger) {
  for (const OpCode op : {OpCode::kSetWatches, OpCode::kSetWatches2}) {
    std::string request = announce(5 * kLimit, op);
    request.resize(kFrameHeaderBytes + size_t{5 * kLimit}, 'w');
    FrameReader reader(kLimit);
    for (size_t at = 0; at < request.size(); at += 7) {
      EXPECT_EQ(reader.next().verdict, Verdict::kNeedMore);
      feed(reader, std::string_view(request).substr(at, 7));
    }
    EXPECT_THAT(take(reader), ElementsAre(request.substr(kFrameHeaderBytes)));
  }
}

TEST(FrameReader, SetWatchesHasALimitToo) {
  FrameReader reader(kLimit);
  feed(reader, announce(limits::kMaxSetWatchesFrameBytes + 1, OpCode::kSetWatches));
  EXPECT_EQ(reader.next().verdict, Verdict::kBadLength);
}

TEST(FrameReader, AnnouncedFrameTakesMemoryOnlyAsItArrives) {
  FrameReader reader(limits::kMaxFrameBytes);
  feed(reader, announce(limits::kMaxSetWatchesFrameBytes, OpCode::kSetWatches));
  ASSERT_EQ(reader.next().verdict, Verdict::kNeedMore);
  size_t arrived = reader.pending().size();
  for (int read = 0; read < 12; ++read) {
    const size_t room = reader.writable(512).size();
    EXPECT_LE(room, 4 * (arrived + 512));
    feed(reader, std::string(room, 'w'));
    arrived += room;
    ASSERT_EQ(reader.next().verdict, Verdict::kNeedMore);
  }
  EXPECT_GT(arrived, size_t{512} * 1024) << "it grows by more than the least, too";
}

TEST(FrameReader, ManySmallFramesDoNotMakeTheBufferGrow) {
  FrameReader reader(kLimit);
  const std::string request = frame("0123456789");
  const std::string three_halves = request + request.substr(0, request.size() / 2);
  size_t largest_room = 0;
  std::string unsent;
  for (int round = 0; round < 10'000; ++round) {
    const std::span<char> room = reader.writable(64);
    largest_room = std::max(largest_room, room.size());
    unsent += three_halves.substr(0, round % 2 == 0 ? std::string::npos : request.size() / 2);
    const size_t size = std::min(unsent.size(), room.size());
    std::copy_n(unsent.begin(), size, room.begin());
    unsent.erase(0, size);
    reader.filled(size);
    while (reader.next().verdict == Verdict::kFrame) {
    }
  }
  EXPECT_LE(largest_room, 1024U);
}

TEST(FrameReader, MemoryOfALargeFrameIsGivenBack) {
  FrameReader reader(limits::kMaxFrameBytes);
  feed(reader, frame(std::string(limits::kMaxFrameBytes, 'x')));
  ASSERT_EQ(take(reader).size(), 1U);
  EXPECT_LE(reader.writable(4096).size(), size_t{256} * 1024);
}

TEST(FrameReader, PendingShowsWhatHasNotBeenTaken) {
  FrameReader reader(kLimit);
  feed(reader, "ruok");
  EXPECT_EQ(reader.pending(), "ruok");
  EXPECT_EQ(reader.next().verdict, Verdict::kBadLength) << "a word is a huge length";
  EXPECT_EQ(reader.pending(), "ruok");
}

TEST(FrameReaderDeathTest, MoreThanThereIsRoomForIsABrokenInvariant) {
  FrameReader reader(kLimit);
  const size_t room = reader.writable(16).size();
  EXPECT_DEATH(reader.filled(room + 1), "broken invariant");
}

TEST(Frame, EndWritesTheLengthOfWhatWasAppended) {
  std::string out = "before";
  const size_t place = begin_frame(out);
  out += "payload";
  end_frame(out, place);
  EXPECT_EQ(out, "before" + frame("payload"));
}

TEST(Frame, FramesMayFollowEachOtherInOneBuffer) {
  std::string out;
  for (const char* payload : {"a", "", "ccc"}) {
    const size_t place = begin_frame(out);
    out += payload;
    end_frame(out, place);
  }
  EXPECT_EQ(out, frame("a") + frame("") + frame("ccc"));
}

}  // namespace
}  // namespace topod
