using System.Runtime.CompilerServices;

namespace LDaeCore.Engine.Interop;

/// <summary>ncclUniqueId: 128 opaque bytes.</summary>
[InlineArray(128)]
internal struct NcclUniqueId
{
    private byte _first;
}
