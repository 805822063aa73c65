using System.Runtime.CompilerServices;

namespace LDaeCore.Engine.Interop;

/// <summary>Four ints that the library keeps for later.</summary>
[InlineArray(4)]
internal struct CublasLtReserved
{
    private int _word;
}
