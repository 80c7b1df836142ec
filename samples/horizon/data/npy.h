// NumPy's .npy format, versions 1 to 3: arrays of whole numbers in C order, little-endian.
// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
#ifndef HORIZON_LM_SAMPLES_HORIZON_DATA_NPY_H_
#define HORIZON_LM_SAMPLES_HORIZON_DATA_NPY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace horizon {

enum class Element { kUint8, kUint16, kInt32, kUint32, kInt64 };

size_t ElementBytes(Element element);
const char* ElementName(Element element);  // "uint16"

struct NpyHeader {
  Element element;             // never kUint8, which is how text is read
  std::vector<int64_t> shape;  // one or two dimensions, each at least 0
  size_t data_offset;          // of the first element in the file
};

// Reads the header of a file of `n_bytes` bytes and checks that the elements are all there and nothing is behind them.
// Throws Error naming `path` and what is wrong.
NpyHeader ParseNpy(const std::string& path, const unsigned char* bytes, size_t n_bytes);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_DATA_NPY_H_
