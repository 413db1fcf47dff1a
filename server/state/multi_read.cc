// multiRead: several reads answered from one state, each with its own result.
#include "proto/limits.h"
#include "server/state/read_operations.h"

namespace topod::state {

namespace {

void write_failure(JuteWriter& out, ErrorCode error) {
  const auto code = static_cast<int32_t>(error);
  MultiHeader{.type = MultiHeader::end().type, .done = false, .error = code}.write(out);
  out.write_int(code);
}

void read_one(const ReadContext& context, OpCode op, NullableBytes path, JuteWriter& out) {
  const Tree& tree = context.state.tree;
  const NodeSlot slot = path ? tree.find(*path) : kNoNode;
  const ErrorCode error = path ? check_readable(context, slot) : ErrorCode::kBadArguments;
  if (error != ErrorCode::kOk) {
    write_failure(out, error);
    return;
  }
  MultiHeader{.type = static_cast<int32_t>(op), .done = false, .error = 0}.write(out);
  if (op == OpCode::kGetData) {
    write_data_and_stat(context, *path, slot, out);
  } else {
    write_children(tree, slot, out);
  }
}

}  // namespace

ErrorCode multi_read(const ReadContext& context, JuteReader& in, std::string& out) {
  JuteWriter writer(out);
  const size_t start = writer.position();
  while (true) {
    MultiHeader header;
    header.read(in);
    if (!in.ok()) return ErrorCode::kMarshallingError;
    if (header.done) break;
    const auto op = static_cast<OpCode>(header.type);
    if (op != OpCode::kGetData && op != OpCode::kGetChildren) return ErrorCode::kMarshallingError;
    PathWatchRequest request;  // no watches are left, whatever it asks
    request.read(in);
    if (!in.ok()) return ErrorCode::kMarshallingError;
    read_one(context, op, request.path, writer);
    // One short request could otherwise ask for the same large znode ten thousand times.
    if (writer.position() - start > limits::kMaxMultiReadBytes) {
      return ErrorCode::kMarshallingError;
    }
  }
  MultiHeader::end().write(writer);
  return ErrorCode::kOk;
}

}  // namespace topod::state
