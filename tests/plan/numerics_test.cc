// What decides the bits, as text: hashes that checkpoints of earlier versions hold, and JSON that gives back what it was made of.
#include "core/plan/numerics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "core/plan/numerics_fields.h"

namespace hlm {
namespace {

Numerics Some() {
  Numerics n;
  n.sweeps = 3;
  n.micro_batch_tokens = 4096;
  n.head_chunk = 512;
  n.threads = 16;
  n.libraries = "cuBLASLt 13.1";
  n.products = "a,b";
  n.workspace_bytes = 65536;
  n.optimizer = "fused 1";
  return n;
}

std::string HashOf(const std::string& text) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits;
}

// Another value for every field, one at a time.
class ChangeOne {
 public:
  explicit ChangeOne(int64_t which) : which_(which) {}
  template <class T, class... Choices>
  void Field(const char* key, T& value, const Choices&... choices) {
    if (seen_++ != which_) return;
    changed_ = key;
    if constexpr (std::is_enum_v<T>) {
      ((choices != value ? void(other_ = static_cast<int64_t>(choices)) : void()), ...);
      value = static_cast<T>(other_);
    } else if constexpr (std::is_same_v<T, std::string>) {
      value += "'";
    } else if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else {
      value += 2;
    }
  }
  template <class T, class... Choices>
  void LaterField(const char* key, const Later<T>&, T& value, const Choices&... choices) {
    Field(key, value, choices...);
  }
  void Master(const char* key, Numerics& n) { Field(key, n.remainder); }
  const std::string& changed() const { return changed_; }

 private:
  int64_t which_, seen_ = 0, other_ = 0;
  std::string changed_;
};

TEST(Numerics, HashesAreThoseOfEarlierVersions) {
  const std::string text = "bf16|3|4096|512|bf16|adamw|f32|1|16|cuBLASLt 13.1|a,b|65536|fused 1";
  Numerics n = Some();
  EXPECT_EQ(HashNumerics(n), HashOf(text));
  n.reduction_groups = 4;
  EXPECT_EQ(HashNumerics(n), HashOf(text + "|4"));
  n.train_pad_row = true;
  EXPECT_EQ(HashNumerics(n), HashOf(text + "|4|pad row"));
}

TEST(Numerics, EveryFieldIsHashedAndComesBackFromJson) {
  std::set<std::string> hashes = {HashNumerics(Some())}, keys;
  for (int64_t which = 0;; ++which) {
    Numerics n = Some();
    ChangeOne change(which);
    VisitFields(change, n);
    if (change.changed().empty()) break;
    if (n.compute == DType::kF32) n.remainder = false;  // the weights are the masters
    EXPECT_TRUE(keys.insert(change.changed()).second) << change.changed();
    EXPECT_TRUE(hashes.insert(HashNumerics(n)).second) << change.changed();
    const Numerics back = ParseNumerics(NumericsJson(n));
    EXPECT_EQ(HashNumerics(back), HashNumerics(n)) << change.changed();
    EXPECT_EQ(NumericsJson(back), NumericsJson(n)) << change.changed();
    EXPECT_NE(NumericsJson(n), NumericsJson(Some())) << change.changed();
  }
  EXPECT_EQ(keys.size(), 21u);
}

TEST(Numerics, ABadValueIsNamed) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      ParseNumerics(json);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message(R"({"states": "f64"})"), "numerics_json: states is f64, which is unknown");
  EXPECT_EQ(message(R"({"sweeps": -1})"), "numerics_json: sweeps is -1; it must be a whole number from 0 on");
  EXPECT_EQ(message(R"({"train_pad_row": 1})"), "numerics_json: train_pad_row is 1; it must be true or false");
  EXPECT_EQ(message(R"({"unrouted": 3})"), "numerics_json: unrouted is 3; it must be a string");
  EXPECT_EQ(message(R"({"router_z_loss_coef": "x"})"),
            "numerics_json: router_z_loss_coef is \"x\"; it must be a number from 0 on");
}

}  // namespace
}  // namespace hlm
