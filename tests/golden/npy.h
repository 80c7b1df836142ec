// Writes NumPy's .npy files, version 1.0: what tools/check_transformers.py reads.
#ifndef HORIZON_LM_TESTS_GOLDEN_NPY_H_
#define HORIZON_LM_TESTS_GOLDEN_NPY_H_

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace hlm_golden {

template <class T>
constexpr const char* NpyType();
template <>
constexpr const char* NpyType<float>() {
  return "<f4";
}
template <>
constexpr const char* NpyType<int32_t>() {
  return "<i4";
}
template <>
constexpr const char* NpyType<int64_t>() {
  return "<i8";
}

// Row-major; the product of `shape` is values.size().
template <class T>
void WriteNpy(const std::string& path, const std::vector<T>& values, const std::vector<int64_t>& shape) {
  std::string dimensions;
  for (int64_t n : shape) dimensions += std::to_string(n) + ",";
  std::string header = std::string("{'descr': '") + NpyType<T>() + "', 'fortran_order': False, 'shape': (" + dimensions + ")}";
  constexpr size_t kPrefix = 10;  // magic, version, length of the header
  while ((kPrefix + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  std::ofstream out(path, std::ios::binary);
  out << start << header;
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

}  // namespace hlm_golden

#endif  // HORIZON_LM_TESTS_GOLDEN_NPY_H_
