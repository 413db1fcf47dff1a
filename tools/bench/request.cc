#include "tools/bench/request.h"

#include <random>

#include "proto/check.h"
#include "proto/frame.h"
#include "proto/jute.h"
#include "proto/records.h"

namespace topod::bench {

namespace {

const std::vector<AclEntry>& open_acl() {
  static const std::vector<AclEntry> acl = {{kPermAll, "world", "anyone"}};
  return acl;
}

template <class WriteBody>
Request make_request(OpCode op, WriteBody write_body) {
  Request request;
  const size_t place = begin_frame(request.frame);
  JuteWriter out(request.frame);
  RequestHeader{0, static_cast<int32_t>(op)}.write(out);
  write_body(out);
  end_frame(request.frame, place);
  return request;
}

// Finds the digits of `path`, whose number is `marker`, in the encoded frame.
void mark_number(Request& request, const std::string& path) {
  const size_t from = request.numbers.empty() ? 0 : request.numbers.back();
  const size_t found = request.frame.find(path, from);
  CHECK(found != std::string::npos);
  request.numbers.push_back(found + path.size() - kPathDigits);
}

template <class Make>
Request make_numbered(std::string_view prefix, Make make) {
  const std::string path = numbered_path(prefix, 0);
  Request request = make(path);
  mark_number(request, path);
  return request;
}

CreateRequest create_record(std::string_view path, std::string_view data, CreateMode mode) {
  CreateRequest record;
  record.path = path;
  record.data = data;
  record.acl = open_acl();
  record.flags = static_cast<int32_t>(mode);
  return record;
}

template <class WriteOperation>
Request make_numbered_multi(std::string_view prefix, size_t count, OpCode op,
                            WriteOperation write_operation) {
  const std::string path = numbered_path(prefix, 0);
  Request request = make_request(OpCode::kMulti, [&](JuteWriter& out) {
    for (size_t i = 0; i < count; ++i) {
      MultiHeader{static_cast<int32_t>(op), false, -1}.write(out);
      write_operation(out, path);
    }
    MultiHeader::end().write(out);
  });
  for (size_t i = 0; i < count; ++i) mark_number(request, path);
  return request;
}

}  // namespace

void put_number(char* digits, uint64_t number) {
  for (size_t i = kPathDigits; i-- > 0; number /= 10) {
    digits[i] = static_cast<char>('0' + number % 10);
  }
}

std::string numbered_path(std::string_view prefix, uint64_t number) {
  std::string path(prefix);
  path.append(kPathDigits, '0');
  put_number(path.data() + prefix.size(), number);
  return path;
}

Request make_get_data(std::string_view path, bool watch) {
  return make_request(OpCode::kGetData, [&](JuteWriter& out) {
    PathWatchRequest{path, watch}.write(out);
  });
}

Request make_set_data(std::string_view path, std::string_view data) {
  return make_request(OpCode::kSetData, [&](JuteWriter& out) {
    SetDataRequest{path, data, kAnyVersion}.write(out);
  });
}

Request make_get_children(std::string_view path) {
  return make_request(OpCode::kGetChildren, [&](JuteWriter& out) {
    PathWatchRequest{path, false}.write(out);
  });
}

Request make_create(std::string_view path, std::string_view data, CreateMode mode) {
  return make_request(OpCode::kCreate,
                      [&](JuteWriter& out) { create_record(path, data, mode).write(out, false); });
}

Request make_delete(std::string_view path) {
  return make_request(OpCode::kDelete, [&](JuteWriter& out) {
    PathVersionRequest{path, kAnyVersion}.write(out);
  });
}

Request make_bare(OpCode op) {
  return make_request(op, [](JuteWriter&) {});
}

Request make_numbered_get_data(std::string_view prefix) {
  return make_numbered(prefix, [](const std::string& path) { return make_get_data(path, false); });
}

Request make_numbered_set_data(std::string_view prefix, std::string_view data) {
  return make_numbered(prefix, [&](const std::string& path) { return make_set_data(path, data); });
}

Request make_numbered_create(std::string_view prefix, std::string_view data) {
  return make_numbered(prefix, [&](const std::string& path) {
    return make_create(path, data, CreateMode::kPersistent);
  });
}

Request make_numbered_delete(std::string_view prefix) {
  return make_numbered(prefix, [](const std::string& path) { return make_delete(path); });
}

Request make_numbered_multi_set_data(std::string_view prefix, std::string_view data, size_t count) {
  return make_numbered_multi(prefix, count, OpCode::kSetData,
                             [&](JuteWriter& out, const std::string& path) {
                               SetDataRequest{path, data, kAnyVersion}.write(out);
                             });
}

Request make_numbered_multi_create(std::string_view prefix, std::string_view data, size_t count) {
  return make_numbered_multi(prefix, count, OpCode::kCreate,
                             [&](JuteWriter& out, const std::string& path) {
                               create_record(path, data, CreateMode::kPersistent).write(out, false);
                             });
}

std::string make_value(size_t bytes, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string value(bytes, '\0');
  for (char& byte : value) byte = static_cast<char>(random());
  return value;
}

}  // namespace topod::bench
