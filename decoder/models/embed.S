// The built-in weights as bytes of the library: tae_builtin_<variant> up to
// tae_builtin_<variant>_end. The build gives the path.
    .section .rodata
    .balign 64
    .globl tae_builtin_flux2
    .hidden tae_builtin_flux2
tae_builtin_flux2:
    .incbin TAE_BUILTIN_FLUX2
    .globl tae_builtin_flux2_end
    .hidden tae_builtin_flux2_end
tae_builtin_flux2_end:
    .section .note.GNU-stack,"",%progbits
