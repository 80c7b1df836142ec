#include "core/model/safetensors_header.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/checked.h"
#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"

namespace hlm {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data are read and written in place");

constexpr int64_t kMostOffset = int64_t{1} << 58;  // bits of it still fit in 63 bits
constexpr size_t kMostRank = 32;

struct TypeBits {
  std::string_view name;
  int64_t bits;
};
constexpr TypeBits kTypes[] = {
    {"F32", 32},    {"BF16", 16},   {"F16", 16},    {"F64", 64},    {"I64", 64},    {"I32", 32}, {"I16", 16},
    {"I8", 8},      {"U64", 64},    {"U32", 32},    {"U16", 16},    {"U8", 8},      {"BOOL", 8}, {"C64", 64},
    {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},
};

int64_t BitsOf(const std::string& dtype, const std::string& where) {
  for (const TypeBits& type : kTypes) {
    if (type.name == dtype) return type.bits;
  }
  throw InvalidArgument(where, ": unknown dtype ", Printable(dtype));
}

// A list of sizes or offsets, each in [0, kMostOffset].
std::vector<int64_t> ParseSizes(const JsonValue& entry, const char* key, size_t most, const std::string& where) {
  const JsonValue* found = entry.Find(key);
  if (found == nullptr || !found->IsArray() || found->Items().size() > most) {
    throw InvalidArgument(where, ": ", key, " must be a list of at most ", most, " whole numbers",
                          found == nullptr ? std::string(", it is missing") : ", found " + PrintableJson(*found));
  }
  std::vector<int64_t> sizes;
  for (const JsonValue& value : found->Items()) {
    if (!value.IsUnsigned() || value.Int().value_or(kMostOffset + 1) > kMostOffset) {
      throw InvalidArgument(where, ": ", key, " holds ", PrintableJson(value), "; it must be a whole number in [0, ", kMostOffset,
                            "]");
    }
    sizes.push_back(*value.Int());
  }
  return sizes;
}

TensorEntry ParseEntry(const std::string& name, const JsonValue& json, int64_t data_bytes, const std::string& file) {
  const std::string where = StrCat(file, ": tensor ", Printable(name));
  if (!json.IsObject()) throw InvalidArgument(where, ": its entry must be an object, found ", PrintableJson(json));
  const JsonValue* dtype = json.Find("dtype");
  if (dtype == nullptr || !dtype->IsString()) throw InvalidArgument(where, ": dtype is missing or not a string");

  TensorEntry entry;
  entry.name = name;
  entry.dtype = dtype->String();
  entry.shape = ParseSizes(json, "shape", kMostRank, where);
  const std::vector<int64_t> offsets = ParseSizes(json, "data_offsets", 2, where);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw InvalidArgument(where, ": data_offsets ", ShapeText(offsets), " are not a begin and an end");
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];

  int64_t bits = BitsOf(entry.dtype, where);
  for (const int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bits, extent, &bits)) {
      throw InvalidArgument(where, ": shape ", ShapeText(entry.shape), " of ", entry.dtype, " is larger than any file");
    }
  }
  if (bits != 8 * (entry.end - entry.begin)) {
    throw InvalidArgument(where, ": shape ", ShapeText(entry.shape), " of ", entry.dtype, " takes ",
                          Counted(CeilDiv(bits, 8), "byte"), ", but data_offsets ", ShapeText(offsets), " hold ",
                          entry.end - entry.begin);
  }
  if (entry.end > data_bytes) {
    throw DataLoss(where, ": ends at byte ", entry.end, " of the data, but the file has only ", data_bytes, " (cut off?)");
  }
  return entry;
}

// Each byte of the data must belong to exactly one tensor.
void CheckCover(const std::vector<TensorEntry>& entries, int64_t data_bytes, const std::string& where) {
  std::vector<const TensorEntry*> sorted;
  sorted.reserve(entries.size());
  for (const TensorEntry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const TensorEntry* a, const TensorEntry* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  int64_t end = 0;
  const TensorEntry* last = nullptr;
  for (const TensorEntry* entry : sorted) {
    if (entry->begin < end) {
      throw InvalidArgument(where, ": tensors ", Printable(last->name), " and ", Printable(entry->name), " overlap at byte ",
                            entry->begin, " of the data");
    }
    if (entry->begin > end) {
      throw InvalidArgument(where, ": bytes [", end, ", ", entry->begin, ") of the data, before tensor ", Printable(entry->name),
                            ", belong to no tensor");
    }
    end = entry->end;
    last = entry;
  }
  if (end != data_bytes) throw InvalidArgument(where, ": bytes [", end, ", ", data_bytes, ") of the data belong to no tensor");
}

}  // namespace

std::vector<TensorEntry> ParseSafetensorsHeader(std::string_view json, int64_t data_bytes, const std::string& where) {
  if (json.empty() || json[0] != '{') throw InvalidArgument(where, ": not a safetensors file: the header does not begin with {");
  const JsonValue header = ParseJson(json, where, true);
  if (!header.IsObject()) throw InvalidArgument(where, ": the header must be a JSON object");
  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : header.Members()) {
    if (name == "__metadata__") {
      if (!value.IsObject()) throw InvalidArgument(where, ": __metadata__ must be an object, found ", PrintableJson(value));
      continue;
    }
    entries.push_back(ParseEntry(name, value, data_bytes, where));
  }
  CheckCover(entries, data_bytes, where);
  return entries;
}

namespace {

// Tensors one behind the other; the name is a key, then dtype, shape and bytes.
class HeaderWriter {
 public:
  HeaderWriter() {
    json_.BeginObject();
    json_.Key("__metadata__").BeginObject().Member("format", "pt").EndObject();  // transformers 4 refuses a file without it
  }
  void Add(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape, int64_t bytes) {
    const int64_t end = CheckedAdd(at_, bytes);
    json_.Key(name).BeginObject();
    json_.Member("dtype", dtype);
    json_.Member("shape", shape);
    json_.Key("data_offsets").BeginArray().Value(at_).Value(end).EndArray();
    json_.EndObject();
    at_ = end;
  }
  std::string Take() {
    json_.EndObject();
    std::string json = json_.Take();
    json.append((8 - json.size() % 8) % 8, ' ');
    const auto length = static_cast<uint64_t>(json.size());
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + json;
  }

 private:
  JsonWriter json_;
  int64_t at_ = 0;
};

}  // namespace

std::string MakeSafetensorsHeader(const std::vector<FilePart>& tensors) {
  HeaderWriter header;
  for (const FilePart& tensor : tensors) header.Add(tensor.name, tensor.dtype, tensor.shape, tensor.bytes);
  return header.Take();
}

std::string MakeSafetensorsHeader(const std::vector<CarriedTensor>& tensors) {
  HeaderWriter header;
  for (const CarriedTensor& tensor : tensors) header.Add(tensor.name, tensor.dtype, tensor.shape, tensor.bytes);
  return header.Take();
}

std::optional<DType> WeightType(std::string_view dtype) {
  if (dtype == "F32") return DType::kF32;
  if (dtype == "BF16") return DType::kBF16;
  if (dtype == "F16") return DType::kF16;
  return std::nullopt;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace hlm
