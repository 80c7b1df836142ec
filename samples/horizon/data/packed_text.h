// Texts that are packed by gzip or zstd, for what the command reads itself. Examples (--task) are unpacked by the library, in pieces.
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_PACKED_TEXT_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_PACKED_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "samples/horizon/data/data_file.h"

namespace horizon {

// What the command reads itself is in memory as a whole: a small file must not become a text that takes all of it.
inline constexpr size_t kMostUnpacked = size_t{1} << 30;

// A name without the .gz or .zst at its end.
std::string_view NameOfText(std::string_view path);

// By its first bytes, whatever its name.
bool IsPacked(const DataFile& file);

// The text in such a file. Throws, naming file and place, where the file is cut short or damaged, and where the text is longer than
// `most` bytes.
std::string Unpack(const DataFile& file, size_t most = kMostUnpacked);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_PACKED_TEXT_H_
