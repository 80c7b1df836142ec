#include <array>

#include "core/model/families/family.h"

// A family: a file of this folder, and a line here.
#define HLM_FAMILIES(X)      \
  X(kLlamaFamily)            \
  X(kMistralFamily)          \
  X(kQwen2Family)            \
  X(kQwen3Family)            \
  X(kMinistralFamily)        \
  X(kInternLm3Family)        \
  X(kSeedOssFamily)          \
  X(kSmolLm3Family)          \
  X(kPhi3Family)             \
  X(kGraniteFamily)          \
  X(kGemmaFamily)            \
  X(kGemma2Family)           \
  X(kVaultGemmaFamily)       \
  X(kGemma3Family)           \
  X(kOlmoFamily)             \
  X(kOlmo2Family)            \
  X(kOlmo3Family)            \
  X(kExaone4Family)          \
  X(kGlmFamily)              \
  X(kGlm4Family)             \
  X(kErnie45Family)          \
  X(kHeliumFamily)           \
  X(kHunyuanFamily)          \
  X(kCohereFamily)           \
  X(kCohere2Family)          \
  X(kStarCoder2Family)       \
  X(kStableLmFamily)         \
  X(kPhiFamily)              \
  X(kNemotronFamily)         \
  X(kArceeFamily)            \
  X(kGptNeoXFamily)          \
  X(kPersimmonFamily)        \
  X(kGpt2Family)             \
  X(kGptBigCodeFamily)       \
  X(kFalconFamily)           \
  X(kOptFamily)              \
  X(kApertusFamily)          \
  X(kExaoneFamily)           \
  X(kIQuestCoderFamily)      \
  X(kCwmFamily)              \
  X(kJais2Family)            \
  X(kHyperClovaXFamily)      \
  X(kGraniteSwaFamily)       \
  X(kBloomFamily)            \
  X(kMptFamily)              \
  X(kNanoChatFamily)         \
  X(kMinistral3Family)       \
  X(kYoutuFamily)            \
  X(kMiniCpm3Family)         \
  X(kGemma4Family)           \
  X(kLfm2Family)             \
  X(kQwen35Family)           \
  X(kQwen35MoeFamily)        \
  X(kQwen2VlFamily)          \
  X(kQwen25VlFamily)         \
  X(kQwen3VlFamily)          \
  X(kQwen3VlMoeFamily)       \
  X(kQwen3NextFamily)        \
  X(kLfm2MoeFamily)          \
  X(kLfm3Family)             \
  X(kAfmoeFamily)            \
  X(kOlmoHybridFamily)       \
  X(kBambaFamily)            \
  X(kGraniteMoeHybridFamily) \
  X(kMamba2Family)           \
  X(kNemotronHFamily)        \
  X(kFalconH1Family)         \
  X(kKimiLinearFamily)       \
  X(kJambaFamily)            \
  X(kRecurrentGemmaFamily)   \
  X(kMixtralFamily)          \
  X(kQwen2MoeFamily)         \
  X(kQwen3MoeFamily)         \
  X(kOlmoeFamily)            \
  X(kFlexOlmoFamily)         \
  X(kPhiMoeFamily)           \
  X(kMiniMaxM2Family)        \
  X(kGlm4MoeFamily)          \
  X(kGlm4MoeLiteFamily)      \
  X(kSolarOpenFamily)        \
  X(kDots1Family)            \
  X(kExaoneMoeFamily)        \
  X(kHunyuanMoeFamily)       \
  X(kErnie45MoeFamily)       \
  X(kDeepseekV2Family)       \
  X(kDeepseekV3Family)       \
  X(kCohere2MoeFamily)       \
  X(kGptOssFamily)           \
  X(kGraniteMoeFamily)       \
  X(kGraniteMoeSharedFamily) \
  X(kLlama4Family)           \
  X(kZamba2Family)           \
  X(kMellumFamily)           \
  X(kHyV3Family)             \
  X(kFlintFamily)            \
  X(kSarvamMoeFamily)        \
  X(kSarvamMlaFamily)        \
  X(kKimiK2Family)           \
  X(kGraniteMoeSwaFamily)    \
  X(kGptJFamily)             \
  X(kGptNeoFamily)           \
  X(kFalconMambaFamily)      \
  X(kGemma4UnifiedFamily)

namespace hlm {

#define HLM_DECLARE(Name) extern const Family Name;
HLM_FAMILIES(HLM_DECLARE)
#undef HLM_DECLARE

namespace {

#define HLM_ADDRESS(Name) &(Name),
const std::array kFamilies = {HLM_FAMILIES(HLM_ADDRESS)};
#undef HLM_ADDRESS

}  // namespace

std::span<const Family* const> Families() { return kFamilies; }

}  // namespace hlm
