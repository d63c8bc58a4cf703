// The same program as C++: the header must serve both languages.
#include "sender.c"
