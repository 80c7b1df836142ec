// Counts in sentences for people.
#ifndef HORIZON_LM_CORE_BASE_COUNTED_H_
#define HORIZON_LM_CORE_BASE_COUNTED_H_

#include <concepts>
#include <string>
#include <string_view>

namespace hlm {

// "1 record", "3 records", "2 batches": `one` is what one is called, in English that has no exceptions.
std::string Counted(std::integral auto count, std::string_view one) {
  std::string text = std::to_string(count);
  text += ' ';
  text += one;
  if (count == 1) return text;
  const bool hisses = one.ends_with('s') || one.ends_with("ch") || one.ends_with("sh") || one.ends_with('x');
  text += hisses ? "es" : "s";
  return text;
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_COUNTED_H_
