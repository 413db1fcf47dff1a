// For all values of all records: what is written is read, no shorter input is taken for a whole
// record, and what newer clients append is ignored.
#include <deque>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proto/records.h"

namespace topod {
namespace {

// Draws field values and owns what the views in records point to.
class Values {
 public:
  template <class T>
  T number() {
    // Small numbers, large ones and the ends of the range.
    return *rc::gen::oneOf(rc::gen::arbitrary<T>(),
                           rc::gen::element<T>(T{0}, T{-1}, std::numeric_limits<T>::min(),
                                               std::numeric_limits<T>::max()));
  }
  bool flag() { return *rc::gen::arbitrary<bool>(); }
  std::string_view text() {
    return kept_.emplace_back(*rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  }
  NullableBytes nullable() { return flag() ? NullableBytes(text()) : std::nullopt; }
  std::vector<std::string_view> texts() {
    std::vector<std::string_view> result(*rc::gen::inRange<size_t>(0, 4));
    for (std::string_view& each : result) each = text();
    return result;
  }
  std::vector<AclEntry> acl() {
    std::vector<AclEntry> result(*rc::gen::inRange<size_t>(0, 4));
    for (AclEntry& entry : result) entry = {number<int32_t>(), nullable(), nullable()};
    return result;
  }

 private:
  std::deque<std::string> kept_;
};

template <class Record, class... Extra>
std::string encode(const Record& record, Extra... extra) {
  std::string out;
  JuteWriter writer(out);
  record.write(writer, extra...);
  return out;
}

template <class Record, class... Extra>
void assert_round_trip(const Record& record, Extra... extra) {
  const std::string whole = encode(record, extra...);
  JuteReader reader(whole);
  Record read;
  read.read(reader, extra...);
  RC_ASSERT(reader.ok());
  RC_ASSERT(reader.remaining() == 0U);
  RC_ASSERT(encode(read, extra...) == whole);
}

template <class Record, class... Extra>
void assert_no_prefix_is_whole(const Record& record, Extra... extra) {
  const std::string whole = encode(record, extra...);
  for (size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own, so that the address sanitizer sees any look behind its end.
    const std::string part = whole.substr(0, size);
    JuteReader reader(part);
    Record read;
    read.read(reader, extra...);
    RC_ASSERT(!reader.ok());
  }
}

template <class Record, class... Extra>
void assert_more_is_ignored(const Record& record, Extra... extra) {
  const std::string longer = encode(record, extra...) + "newer";
  JuteReader reader(longer);
  Record read;
  read.read(reader, extra...);
  RC_ASSERT(reader.ok());
  RC_ASSERT(reader.rest() == "newer");
}

template <class Record, class... Extra>
void assert_all(const Record& record, Extra... extra) {
  assert_round_trip(record, extra...);
  assert_no_prefix_is_whole(record, extra...);
  assert_more_is_ignored(record, extra...);
}

RC_GTEST_PROP(Records, Headers, ()) {
  Values v;
  assert_all(RequestHeader{v.number<int32_t>(), v.number<int32_t>()});
  assert_all(ReplyHeader{v.number<int32_t>(), v.number<int64_t>(),
                         static_cast<ErrorCode>(v.number<int32_t>())});
  assert_all(MultiHeader{v.number<int32_t>(), v.flag(), v.number<int32_t>()});
}

RC_GTEST_PROP(Records, StatAndEvent, ()) {
  Values v;
  assert_all(Stat{v.number<int64_t>(), v.number<int64_t>(), v.number<int64_t>(),
                  v.number<int64_t>(), v.number<int32_t>(), v.number<int32_t>(),
                  v.number<int32_t>(), v.number<int64_t>(), v.number<int32_t>(),
                  v.number<int32_t>(), v.number<int64_t>()});
  assert_all(
      WatchEvent{static_cast<EventType>(v.number<int32_t>()), v.number<int32_t>(), v.nullable()});
}

RC_GTEST_PROP(Records, Create, ()) {
  Values v;
  const CreateRequest create{v.nullable(), v.nullable(), v.acl(), v.number<int32_t>(),
                             v.number<int64_t>()};
  assert_all(create, false);
  assert_all(create, true);
}

RC_GTEST_PROP(Records, Paths, ()) {
  Values v;
  assert_all(PathRequest{v.nullable()});
  assert_all(PathVersionRequest{v.nullable(), v.number<int32_t>()});
  assert_all(PathWatchRequest{v.nullable(), v.flag()});
  assert_all(PathModeRequest{v.nullable(), v.number<int32_t>()});
  assert_all(SetDataRequest{v.nullable(), v.nullable(), v.number<int32_t>()});
  assert_all(SetAclRequest{v.nullable(), v.acl(), v.number<int32_t>()});
  assert_all(AuthRequest{v.number<int32_t>(), v.nullable(), v.nullable()});
}

RC_GTEST_PROP(Records, SetWatches, ()) {
  Values v;
  const SetWatchesRequest request{v.number<int64_t>(), v.texts(), v.texts(),
                                  v.texts(),           v.texts(), v.texts()};
  assert_all(request, false);
  assert_all(request, true);
}

// The read-only flag is optional, so the record without it is whole as well.
RC_GTEST_PROP(Records, Connect, ()) {
  Values v;
  ConnectRequest request{.protocol_version = v.number<int32_t>(),
                         .last_zxid_seen = v.number<int64_t>(),
                         .timeout_ms = v.number<int32_t>(),
                         .session = v.number<int64_t>(),
                         .password = v.nullable(),
                         .has_read_only = true,
                         .read_only = v.flag()};
  assert_round_trip(request);
  assert_more_is_ignored(request);
  request.has_read_only = request.read_only = false;
  assert_round_trip(request);
  assert_no_prefix_is_whole(request);
  ConnectResponse response{.protocol_version = v.number<int32_t>(),
                           .timeout_ms = v.number<int32_t>(),
                           .session = v.number<int64_t>(),
                           .password = v.text(),
                           .has_read_only = true,
                           .read_only = v.flag()};
  assert_round_trip(response);
  response.has_read_only = response.read_only = false;
  assert_round_trip(response);
}

// Anything at all may arrive.
RC_GTEST_PROP(Records, GarbageIsReadOrRefusedButNeverOverrun, (const std::string& garbage)) {
  const std::string in = garbage;
  const auto read = [&]<class Record, class... Extra>(Record record, Extra... extra) {
    JuteReader reader(in);
    record.read(reader, extra...);
    RC_ASSERT(reader.remaining() <= in.size());
  };
  read(ConnectRequest{});
  read(RequestHeader{});
  read(CreateRequest{}, true);
  read(SetAclRequest{});
  read(SetWatchesRequest{}, true);
  read(AuthRequest{});
  read(MultiHeader{});
}

}  // namespace
}  // namespace topod
