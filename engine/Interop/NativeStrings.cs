using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>Zero-terminated UTF-8 copies of strings for the length of a native call.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly List<nint> _owned = [];

    /// <summary>A copy of a text.</summary>
    public byte* Add(string text)
    {
        var copy = Marshal.StringToCoTaskMemUTF8(text);
        _owned.Add(copy);
        return (byte*)copy;
    }

    /// <summary>An array of copies.</summary>
    public byte** AddAll(IEnumerable<string> texts)
    {
        var copies = texts.Select(text => (nint)Add(text)).ToArray();
        var array = Marshal.AllocCoTaskMem(Math.Max(1, copies.Length) * sizeof(nint));
        _owned.Add(array);
        Marshal.Copy(copies, 0, array, copies.Length);
        return (byte**)array;
    }

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        _owned.ForEach(Marshal.FreeCoTaskMem);
        _owned.Clear();
    }
}

/// <summary>
/// The text of a native call for an error message, such as <c>cuMemAllocAsync(4096 bytes)</c>, made only when the call's status is
/// not zero: a successful call formats nothing and allocates nothing.
/// </summary>
[InterpolatedStringHandler]
internal ref struct CallText
{
    private DefaultInterpolatedStringHandler _text;

    /// <summary>Called by the compiler.</summary>
    /// <param name="literalLength">Characters outside the holes.</param>
    /// <param name="formattedCount">Number of holes.</param>
    /// <param name="status">What the native call returned.</param>
    /// <param name="failed">Whether the call failed, so that the text is needed.</param>
    public CallText(int literalLength, int formattedCount, int status, out bool failed)
    {
        failed = status != 0;
        _text = failed ? new DefaultInterpolatedStringHandler(literalLength, formattedCount, System.Globalization.CultureInfo.InvariantCulture) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public string Take() => _text.ToStringAndClear();
}
