#!/bin/bash
# Doxygen's input filter: makes documentation of plain comments, whose text is not Doxygen's markup.
sed -E \
  -e 's@\\@\\\\@g' \
  -e 's@<(/?[A-Za-z_])@\&lt;\1@g; t include' \
  -e ':include' \
  -e '/^#include/s@&lt;@<@g' \
  -e 's@([;,]) +/\* (.*) \*/$@\1 /**< \2 */@' \
  -e 's@^/\* ([^-])@/** \1@' \
  -e 's@(HLM_[A-Z0-9_]+ +-?[0-9]+) +/\* (.*) \*/$@\1 /**< \2 */@' \
  "$1"
