# SPDX-License-Identifier: BSL-1.0
#
# doxygen.sed: what Doxygen is to see of a header or a page. Lines stay where they are.

# What stands at the top of a header, for people who open it, is its page.
2,/^#pragma once/ {
  2s|^//$|/// \\file|
  s|^//\([^/]\)|///\1|
  s|^//$|///|
}
# The inline namespace is not written by users, what is protected is for classes of the library's own, and for
# a specialisation in std there is no page.
s/::inline v1//
s/^ protected:/ private:/
/^template <>$/s/.*//
/^struct std::.*{};$/s/.*//
# Links within a page, and out of lib, are GitHub's: only their text stays.
s/\[\([^]]*\)\](#[^)]*)/\1/g
s/\[\([^]]*\)\](\.\.\/\.\.\/[^)]*)/\1/g
