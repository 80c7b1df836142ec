#include <array>

#include "core/model/families/family.h"

namespace hlm {

extern const Family kLlamaFamily, kMistralFamily, kQwen2Family, kQwen3Family;

namespace {

const std::array kFamilies = {&kLlamaFamily, &kMistralFamily, &kQwen2Family, &kQwen3Family};

}  // namespace

std::span<const Family* const> Families() { return kFamilies; }

}  // namespace hlm
