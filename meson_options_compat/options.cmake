# Placeholder until the list in meson_options.txt is read: every part is built.
foreach(part PLUGIN TESTS BENCH)
  set(TAE_OPTION_${part} ON)
endforeach()
