// Files that are bytes of the library: tae_NAME up to tae_NAME_end. The build
// gives the paths.
    .section .rodata
    .macro embed name, path
    .balign 64
    .globl \name
    .hidden \name
\name:
    .incbin "\path"
    .globl \name\()_end
    .hidden \name\()_end
\name\()_end:
    .endm
    embed tae_builtin_flux2, TAE_BUILTIN_FLUX2
    embed tae_heads_flux2, TAE_HEADS_FLUX2
    embed tae_linear_flux2, TAE_LINEAR_FLUX2
    .section .note.GNU-stack,"",%progbits
