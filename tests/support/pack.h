// Packs texts by gzip and zstd, for tests of what unpacks them.
#ifndef HORIZON_LM_TESTS_SUPPORT_PACK_H_
#define HORIZON_LM_TESTS_SUPPORT_PACK_H_

#include <string>
#include <string_view>

namespace hlm::test {

std::string Gzip(std::string_view text, int level = 6);  // one member
std::string Zstd(std::string_view text, int level = 3);  // one frame, with a checksum

}  // namespace hlm::test

#endif  // HORIZON_LM_TESTS_SUPPORT_PACK_H_
