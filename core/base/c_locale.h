// Numbers with a point, whatever locale the program around the library has set: a JVM or a desktop program in Germany has commas.
#ifndef HORIZON_LM_CORE_BASE_C_LOCALE_H_
#define HORIZON_LM_CORE_BASE_C_LOCALE_H_

#include <clocale>

namespace hlm {

// While it lives, printf, scanf, strtod and strftime of this thread go by the locale "C"; other threads are left alone.
class CLocale {
 public:
  CLocale();
  ~CLocale();
  CLocale(const CLocale&) = delete;
  CLocale& operator=(const CLocale&) = delete;

 private:
  const locale_t before_;
};

// strtod by the locale "C".
double ToDouble(const char* text, char** end = nullptr);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_C_LOCALE_H_
