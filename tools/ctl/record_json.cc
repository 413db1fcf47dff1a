#include "tools/ctl/record_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>

#include <array>
#include <limits>
#include <map>

#include "proto/topodata.pb.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptor;
using Filled = tl::expected<void, std::string>;

// What Vitess called it before version 11 or so.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOlderNames = {{
    {"master_alias", "primary_alias"},
    {"is_master_serving", "is_primary_serving"},
    {"master_term_start_time", "primary_term_start_time"},
    {"blacklisted_tables", "denied_tables"},
}};

bool is_time(const pb::Message& message) {
  return message.GetDescriptor() == topology::Time::descriptor();
}

// Bounds of key ranges are read and written as a shard's name has them.
bool is_shown_in_hex(const FieldDescriptor& field) {
  return field.containing_type() == topology::KeyRange::descriptor();
}

// ---- to JSON -----------------------------------------------------------------------------------

Json unknown_json(const pb::UnknownFieldSet& fields) {
  Json list = Json::array();
  for (int i = 0; i < fields.field_count(); ++i) {
    const pb::UnknownField& field = fields.field(i);
    Json entry;
    entry["field"] = field.number();
    switch (field.type()) {
      case pb::UnknownField::TYPE_VARINT: entry["varint"] = field.varint(); break;
      case pb::UnknownField::TYPE_FIXED32: entry["fixed32"] = field.fixed32(); break;
      case pb::UnknownField::TYPE_FIXED64: entry["fixed64"] = field.fixed64(); break;
      case pb::UnknownField::TYPE_GROUP: entry["group"] = unknown_json(field.group()); break;
      case pb::UnknownField::TYPE_LENGTH_DELIMITED: {
        const std::string& bytes = field.length_delimited();
        const bool text = !bytes.empty() && is_readable_text(bytes);
        entry[text ? "text" : "hex"] = text ? bytes : to_hex(bytes);
        break;
      }
    }
    list.push_back(std::move(entry));
  }
  return list;
}

// One value of a field; `index` < 0: of a field that is not repeated.
Json value_json(const pb::Message& message, const FieldDescriptor& field, int index) {
  const pb::Reflection& reflect = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? reflect.GetInt32(message, &field)
                 : reflect.GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? reflect.GetInt64(message, &field)
                 : reflect.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? reflect.GetUInt32(message, &field)
                 : reflect.GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? reflect.GetUInt64(message, &field)
                 : reflect.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? reflect.GetDouble(message, &field)
                 : reflect.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return one ? reflect.GetFloat(message, &field)
                 : reflect.GetRepeatedFloat(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? reflect.GetBool(message, &field)
                 : reflect.GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflect.GetEnumValue(message, &field)
                             : reflect.GetRepeatedEnumValue(message, &field, index);
      const pb::EnumValueDescriptor* value = field.enum_type()->FindValueByNumber(number);
      return value == nullptr ? Json(number) : Json(value->name());
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string bytes = one ? reflect.GetString(message, &field)
                                    : reflect.GetRepeatedString(message, &field, index);
      // protobuf lets nothing but UTF-8 into a string.
      if (field.type() != FieldDescriptor::TYPE_BYTES) return bytes;
      return is_shown_in_hex(field) ? to_hex(bytes) : to_base64(bytes);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return json_of(one ? reflect.GetMessage(message, &field)
                         : reflect.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;
}

Json map_json(const pb::Message& message, const FieldDescriptor& field) {
  const pb::Reflection& reflect = *message.GetReflection();
  std::map<std::string, Json> sorted;
  for (int i = 0; i < reflect.FieldSize(message, &field); ++i) {
    const pb::Message& entry = reflect.GetRepeatedMessage(message, &field, i);
    const pb::Descriptor& type = *entry.GetDescriptor();
    const std::string key = entry.GetReflection()->GetString(entry, type.map_key());
    sorted[key] = value_json(entry, *type.map_value(), -1);
  }
  Json object = Json::object();
  for (auto& [key, value] : sorted) object[key] = std::move(value);
  return object;
}

Json field_json(const pb::Message& message, const FieldDescriptor& field) {
  if (field.is_map()) return map_json(message, field);
  if (!field.is_repeated()) return value_json(message, field, -1);
  Json list = Json::array();
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < size; ++i) list.push_back(value_json(message, field, i));
  return list;
}

// ---- from JSON ---------------------------------------------------------------------------------

tl::unexpected<std::string> wrong(std::string_view name, std::string_view expected) {
  return tl::unexpected(std::string(name) + " must be " + std::string(expected));
}

template <class Number>
std::optional<Number> number_in(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<Number>::max())) return std::nullopt;
    return static_cast<Number>(number);
  }
  const auto number = value.get<int64_t>();
  if (std::numeric_limits<Number>::min() == 0 && number < 0) return std::nullopt;
  if (sizeof(Number) < sizeof(int64_t) &&
      number < static_cast<int64_t>(std::numeric_limits<Number>::min())) {
    return std::nullopt;
  }
  return static_cast<Number>(number);
}

// Sets or adds one value.
class Setter {
 public:
  Setter(pb::Message& message, const FieldDescriptor& field)
      : message_(message), field_(field), reflect_(*message.GetReflection()) {}

  Filled operator()(const Json& value) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return integer<int32_t>(value, &pb::Reflection::SetInt32, &pb::Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return integer<int64_t>(value, &pb::Reflection::SetInt64, &pb::Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return integer<uint32_t>(value, &pb::Reflection::SetUInt32, &pb::Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return integer<uint64_t>(value, &pb::Reflection::SetUInt64, &pb::Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        if (!value.is_number()) return wrong(field_.name(), "a number");
        return put(value.get<double>(), &pb::Reflection::SetDouble, &pb::Reflection::AddDouble);
      case FieldDescriptor::CPPTYPE_FLOAT:
        if (!value.is_number()) return wrong(field_.name(), "a number");
        return put(value.get<float>(), &pb::Reflection::SetFloat, &pb::Reflection::AddFloat);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!value.is_boolean()) return wrong(field_.name(), "true or false");
        return put(value.get<bool>(), &pb::Reflection::SetBool, &pb::Reflection::AddBool);
      case FieldDescriptor::CPPTYPE_ENUM: return enumeration(value);
      case FieldDescriptor::CPPTYPE_STRING: return bytes(value);
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        pb::Message* part = field_.is_repeated() ? reflect_.AddMessage(&message_, &field_)
                                                 : reflect_.MutableMessage(&message_, &field_);
        const Filled filled = fill_message(*part, value);
        if (!filled) return tl::unexpected(field_.name() + ": " + filled.error());
        return {};
      }
    }
    return wrong(field_.name(), "of a type that is known here");
  }

 private:
  template <class Value, class Set, class Add>
  Filled put(const Value& value, Set set, Add add) {
    if (field_.is_repeated()) {
      (reflect_.*add)(&message_, &field_, value);
    } else {
      (reflect_.*set)(&message_, &field_, value);
    }
    return {};
  }
  template <class Number, class Set, class Add>
  Filled integer(const Json& value, Set set, Add add) {
    const std::optional<Number> number = number_in<Number>(value);
    if (!number) return wrong(field_.name(), "a whole number of its range");
    return put(*number, set, add);
  }
  Filled enumeration(const Json& value) {
    std::optional<int> number = number_in<int>(value);
    if (value.is_string()) {
      const auto* named = field_.enum_type()->FindValueByName(value.get<std::string>());
      if (named != nullptr) number = named->number();
    }
    if (!number) {
      std::string names;
      for (int i = 0; i < field_.enum_type()->value_count(); ++i) {
        names += (i > 0 ? ", " : "") + field_.enum_type()->value(i)->name();
      }
      return wrong(field_.name(), "one of " + names);
    }
    return put(*number, &pb::Reflection::SetEnumValue, &pb::Reflection::AddEnumValue);
  }
  Filled bytes(const Json& value) {
    if (!value.is_string()) return wrong(field_.name(), "a string");
    std::optional<std::string> bytes = value.get<std::string>();
    if (field_.type() == FieldDescriptor::TYPE_BYTES) {
      bytes = is_shown_in_hex(field_) ? from_hex(*bytes) : from_base64(*bytes);
      if (!bytes) return wrong(field_.name(), is_shown_in_hex(field_) ? "hex" : "base64");
    }
    if (field_.is_repeated()) {
      reflect_.AddString(&message_, &field_, *bytes);
    } else {
      reflect_.SetString(&message_, &field_, *bytes);
    }
    return {};
  }

  pb::Message& message_;
  const FieldDescriptor& field_;
  const pb::Reflection& reflect_;
};

Filled fill_map(pb::Message& message, const FieldDescriptor& field, const Json& object) {
  if (!object.is_object()) return wrong(field.name(), "an object");
  for (const auto& [key, value] : object.items()) {
    pb::Message& entry = *message.GetReflection()->AddMessage(&message, &field);
    entry.GetReflection()->SetString(&entry, field.message_type()->map_key(), key);
    const Filled filled = Setter(entry, *field.message_type()->map_value())(value);
    if (!filled) return tl::unexpected(field.name() + "." + key + ": " + filled.error());
  }
  return {};
}

Filled fill_field(pb::Message& message, const FieldDescriptor& field, const Json& value) {
  if (field.is_map()) return fill_map(message, field, value);
  if (!field.is_repeated()) return Setter(message, field)(value);
  if (!value.is_array()) return wrong(field.name(), "a list");
  for (const Json& element : value) {
    if (auto set = Setter(message, field)(element); !set) return set;
  }
  return {};
}

Filled fill_unknown(pb::UnknownFieldSet& fields, const Json& list) {
  if (!list.is_array()) return wrong(kUnknownKey, "a list");
  for (const Json& entry : list) {
    const bool has_number = entry.is_object() && entry.contains("field");
    const auto number = has_number ? number_in<int32_t>(entry["field"]) : std::nullopt;
    if (!number || *number < 1) return wrong(kUnknownKey, "a list of objects with \"field\"");
    const auto value = [&](const char* kind) {
      return entry.contains(kind) ? number_in<uint64_t>(entry[kind]) : std::nullopt;
    };
    if (const auto varint = value("varint")) {
      fields.AddVarint(*number, *varint);
    } else if (const auto wide = value("fixed64")) {
      fields.AddFixed64(*number, *wide);
    } else if (const auto narrow = value("fixed32")) {
      fields.AddFixed32(*number, static_cast<uint32_t>(*narrow));
    } else if (entry.contains("text") && entry["text"].is_string()) {
      fields.AddLengthDelimited(*number, entry["text"].get<std::string>());
    } else if (entry.contains("group")) {
      if (auto filled = fill_unknown(*fields.AddGroup(*number), entry["group"]); !filled) {
        return filled;
      }
    } else {
      const bool has_hex = entry.contains("hex") && entry["hex"].is_string();
      const auto bytes = has_hex ? from_hex(entry["hex"].get<std::string>()) : std::nullopt;
      if (!bytes) return wrong(kUnknownKey, "of varint, fixed32, fixed64, text, hex or group");
      fields.AddLengthDelimited(*number, *bytes);
    }
  }
  return {};
}

const FieldDescriptor* find_field(const pb::Descriptor& type, std::string_view name) {
  for (const auto& [older, newer] : kOlderNames) {
    if (name == older) name = newer;
  }
  return type.FindFieldByName(std::string(name));
}

}  // namespace

Json json_of(const pb::Message& message) {
  if (is_time(message)) {
    const auto& time = static_cast<const topology::Time&>(message);
    if (message.GetReflection()->GetUnknownFields(message).empty() && time.nanoseconds() >= 0 &&
        time.nanoseconds() < 1'000'000'000 && parse_time(time_text(time.seconds()))) {
      return time_text(time.seconds(), time.nanoseconds());
    }
  }
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  Json object = Json::object();
  for (const FieldDescriptor* field : fields) object[field->name()] = field_json(message, *field);
  const pb::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (!unknown.empty()) object[kUnknownKey] = unknown_json(unknown);
  return object;
}

Filled fill_message(pb::Message& message, const Json& value) {
  if (is_time(message) && value.is_string()) {
    const auto point = parse_time(value.get<std::string>());
    if (!point) return tl::unexpected(std::string("a time looks like 2026-01-31T12:00:00Z"));
    auto& time = static_cast<topology::Time&>(message);
    time.set_seconds(point->seconds);
    time.set_nanoseconds(point->nanoseconds);
    return {};
  }
  if (!value.is_object()) return tl::unexpected(std::string("an object is expected"));
  for (const auto& [name, part] : value.items()) {
    if (name == kUnknownKey) {
      auto& unknown = *message.GetReflection()->MutableUnknownFields(&message);
      if (auto filled = fill_unknown(unknown, part); !filled) return filled;
      continue;
    }
    const FieldDescriptor* field = find_field(*message.GetDescriptor(), name);
    if (field == nullptr) return tl::unexpected("there is no field " + name);
    if (auto filled = fill_field(message, *field, part); !filled) return filled;
  }
  return {};
}

std::string serialized(const pb::Message& message) {
  std::string bytes;
  pb::io::StringOutputStream stream(&bytes);
  pb::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&out);
  out.Trim();
  return bytes;
}

}  // namespace topod::ctl
