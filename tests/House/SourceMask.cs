namespace LDaeCore.Tests.House;

/// <summary>
/// C# source with its comments, strings and character literals blanked, so that a scan sees code only. Line breaks and
/// positions stay. The code inside the holes of interpolated strings is blanked with them: no declaration can stand there.
/// </summary>
internal sealed class SourceMask
{
    private readonly string _source;
    private readonly char[] _code;
    private int _at;

    private SourceMask(string source)
    {
        _source = source;
        _code = source.ToCharArray();
    }

    public static string CodeOf(string source)
    {
        var mask = new SourceMask(source);
        mask.Run();
        return new string(mask._code);
    }

    private void Run()
    {
        while (_at < _source.Length)
        {
            var start = _at;
            if (SkipLiteral())
            {
                Blank(start, _at);
            }
            else
            {
                _at++;
            }
        }
    }

    /// <summary>Moves past a comment, string or character that starts here; false when none does.</summary>
    private bool SkipLiteral()
    {
        if (Here("//"))
        {
            MoveTo(_source.IndexOf('\n', _at));
            return true;
        }

        if (Here("/*"))
        {
            MoveTo(_source.IndexOf("*/", _at + 2, StringComparison.Ordinal), past: 2);
            return true;
        }

        if (Here("'"))
        {
            SkipEscaped('\'', holes: false);
            return true;
        }

        return SkipString();
    }

    private bool SkipString()
    {
        var quote = _at;
        while (quote < _source.Length && _source[quote] is '$' or '@')
        {
            quote++;
        }

        if (quote >= _source.Length || _source[quote] != '"')
        {
            return false;
        }

        var prefix = _source.AsSpan(_at, quote - _at);
        bool verbatim = prefix.Contains('@'), holes = prefix.Contains('$');
        var quotes = _source.AsSpan(quote).IndexOfAnyExcept('"');
        quotes = quotes < 0 ? _source.Length - quote : quotes;
        _at = quote;
        if (!verbatim && quotes >= 3)
        {
            MoveTo(_source.IndexOf(new string('"', quotes), quote + quotes, StringComparison.Ordinal), past: quotes);
        }
        else if (verbatim)
        {
            SkipVerbatim(holes);
        }
        else
        {
            SkipEscaped('"', holes);
        }

        return true;
    }

    private void SkipEscaped(char end, bool holes)
    {
        for (_at++; _at < _source.Length && _source[_at] != end && _source[_at] != '\n';)
        {
            if (_source[_at] == '\\')
            {
                _at += 2;
            }
            else if (!holes || !SkipHole())
            {
                _at++;
            }
        }

        MoveTo(_at, past: 1);
    }

    private void SkipVerbatim(bool holes)
    {
        for (_at++; _at < _source.Length;)
        {
            if (Here("\"\""))
            {
                _at += 2;
            }
            else if (Here("\""))
            {
                break;
            }
            else if (!holes || !SkipHole())
            {
                _at++;
            }
        }

        MoveTo(_at, past: 1);
    }

    private bool SkipHole()
    {
        if (Here("{{"))
        {
            _at += 2;
            return true;
        }

        if (!Here("{"))
        {
            return false;
        }

        var depth = 0;
        do
        {
            depth += Here("{") ? 1 : Here("}") ? -1 : 0;
            if (!SkipLiteral())
            {
                _at++;
            }
        }
        while (depth > 0 && _at < _source.Length);
        return true;
    }

    private bool Here(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private void MoveTo(int position, int past = 0) => _at = position < 0 ? _source.Length : Math.Min(position + past, _source.Length);

    private void Blank(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            _code[i] = _code[i] is '\n' or '\r' ? _code[i] : ' ';
        }
    }
}
