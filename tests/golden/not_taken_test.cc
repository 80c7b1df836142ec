// Model folders of families that the library does not take: each is refused by name, and none is taken without being held
// against its golden (taken.txt).
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/golden/golden.h"
#include "tests/golden/session.h"

namespace hlm_golden {
namespace {

// Opening a folder, and planning for it: a setting may be refused in either.
std::string Refusal(const std::string& name) {
  try {
    const Golden golden = LoadGolden(name);
    MakeTrainer(golden, golden.model_folder, HLM_DTYPE_F32);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(NotTaken, EachIsRefusedAsUnimplemented) {
  for (const std::string& name : GoldenNamesNotTaken()) {
    EXPECT_EQ(Refusal(name).rfind("UNIMPLEMENTED: ", 0), 0u)
        << name << ": " << (Refusal(name).empty() ? "taken: add it to tests/golden/families/taken.txt" : Refusal(name));
  }
}

}  // namespace
}  // namespace hlm_golden
