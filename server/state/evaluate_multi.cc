// multi: all operations or none, under one zxid.
#include <optional>

#include "server/state/evaluation.h"

namespace topod::state {

namespace {

// The type that stands before the result of an operation, if a multi may contain it.
std::optional<OpCode> result_type(OpCode op) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kDelete:
    case OpCode::kSetData:
    case OpCode::kCheck: return op;
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl: return OpCode::kCreate2;
    default: return std::nullopt;
  }
}

void skip_operation(OpCode op, JuteReader& in) {
  if (op == OpCode::kDelete || op == OpCode::kCheck) {
    PathVersionRequest().read(in);
  } else if (op == OpCode::kSetData) {
    SetDataRequest().read(in);
  } else {
    CreateRequest().read(in, op == OpCode::kCreateTtl);
  }
}

// How many operations there are; nullopt if the body cannot be decoded whole, or holds what a
// multi may not contain.
std::optional<size_t> count_operations(std::string_view body) {
  JuteReader in(body);
  MultiHeader header;
  for (size_t count = 0;; ++count) {
    header.read(in);
    if (!in.ok()) return std::nullopt;
    if (header.done) return count;
    const auto op = static_cast<OpCode>(header.type);
    if (!result_type(op)) return std::nullopt;
    skip_operation(op, in);
  }
}

void write_failure(JuteWriter& out, ErrorCode error) {
  const auto code = static_cast<int32_t>(error);
  MultiHeader{static_cast<int32_t>(OpCode::kError), false, code}.write(out);
  out.write_int(code);
}

}  // namespace

// A failed operation is no error of the multi: its reply is Ok and has a body, or clients could
// not see which one it was.
ErrorCode Evaluation::multi(std::string_view body) {
  const auto count = count_operations(body);
  if (!count) return ErrorCode::kMarshallingError;
  in_multi_ = true;
  writer_.begin();
  JuteReader in(body);
  JuteWriter out(effects_.body);
  MultiHeader header;
  size_t done = 0;
  ErrorCode error = ErrorCode::kOk;
  for (; done < *count; ++done) {
    header.read(in);
    const auto op = static_cast<OpCode>(header.type);
    MultiHeader{static_cast<int32_t>(*result_type(op)), false, 0}.write(out);
    error = operation(op, in, effects_.body);
    if (error != ErrorCode::kOk) break;
  }
  if (error != ErrorCode::kOk) {
    writer_.roll_back();
    effects_.events.clear();
    effects_.event_paths.clear();
    effects_.body.clear();
    for (size_t i = 0; i < done; ++i) write_failure(out, ErrorCode::kOk);
    write_failure(out, error);
    for (size_t i = done + 1; i < *count; ++i) {
      write_failure(out, ErrorCode::kRuntimeInconsistency);
    }
  }
  MultiHeader::end().write(out);
  return ErrorCode::kOk;
}

}  // namespace topod::state
