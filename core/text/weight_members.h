// The members by which a record says whether an answer is trained.
#ifndef HORIZON_LM_CORE_TEXT_WEIGHT_MEMBERS_H_
#define HORIZON_LM_CORE_TEXT_WEIGHT_MEMBERS_H_

#include <string_view>

namespace hlm {

// A member of one of these names with a value that IsWeight says counts: 0 or false takes the answer out: OpenAI's "weight", axolotl's "train" and "training", ms-swift's "loss_scale", others'
// "loss_weight" and "loss_mask", and "loss" where it is true or false (a number there was measured).
inline constexpr std::string_view kWeightMembers[] = {"weight", "loss_weight", "loss_mask", "loss_scale",
                                                      "train",  "training",    "loss"};
inline constexpr bool IsWeight(std::string_view member, bool is_boolean) { return member != "loss" || is_boolean; }

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_WEIGHT_MEMBERS_H_
