// Numbers as people read them.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_TEXT_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_TEXT_H_

#include <cstdint>
#include <string>

namespace horizon {

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

std::string FormatCount(int64_t count);                          // "1,234,567"
std::string FormatCount(int64_t count, const std::string& one);  // "1 row", "1,234 rows": `one` is what one is called
std::string FormatBytes(int64_t bytes);                          // "1.53 GiB"
std::string FormatSeconds(double seconds);                       // "850 ms", "12.3 s", "3 min 05 s", "2 h 04 min"
std::string FormatRate(double per_second);                       // "945", "12,345": a whole number with separators

// NaN with a sign, which processors make, is printed as "-nan"; this is it without.
double NoSignOfNan(double value);

// A message in which each whole number of a mebibyte or more is followed by what people call it: "91268055040 bytes (85.00 GiB)".
std::string WithSizes(const std::string& message);

// Newlines and other control characters as spaces: a message on one line.
std::string OneLine(std::string text);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_TEXT_H_
