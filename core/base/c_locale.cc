#include "core/base/c_locale.h"

#include <cstdlib>

namespace hlm {
namespace {

// The C library's own object: nothing is allocated, nothing to free.
locale_t C() {
  static const locale_t c = newlocale(LC_ALL_MASK, "C", nullptr);
  return c;
}

}  // namespace

CLocale::CLocale() : before_(uselocale(C())) {}
CLocale::~CLocale() { uselocale(before_); }

double ToDouble(const char* text, char** end) { return strtod_l(text, end, C()); }

}  // namespace hlm
