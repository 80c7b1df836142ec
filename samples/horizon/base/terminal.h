// What a terminal, or who sits at it, asks for.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_TERMINAL_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_TERMINAL_H_

#include <cstdio>
#include <string>

namespace horizon {

// Whether $NO_COLOR asks for none: set, to anything but nothing.
bool NoColor();

// Whether this is a terminal that takes more than lines: TERM=dumb is one that shows control sequences as what they are.
bool TakesSequences(std::FILE* file);

// As much of a line as fits so many columns of a terminal, with an ellipsis where something is cut off.
std::string CutTo(const std::string& line, int columns);

// What a model wrote, so that it does not steer the terminal: control characters but ends of lines and tabs become '?'.
std::string Harmless(const std::string& text);

// Shows a piece of what a model wrote on standard output at once: harmless where that is a terminal, else as it is.
void ShowWritten(const std::string& piece);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_TERMINAL_H_
