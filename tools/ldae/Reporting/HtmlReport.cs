using System.Globalization;
using System.Net;
using System.Text;

namespace LDaeCore.Runner.Reporting;

/// <summary>A page that needs nothing but itself: styles inline, pictures as data, no scripts. It fits a phone and follows the reader's dark mode.</summary>
/// <param name="title">Title of the page.</param>
internal sealed class HtmlReport(string title)
{
    private const string Style = """
        :root{color-scheme:light dark;--ink:#1d2330;--paper:#fff;--soft:#667;--line:#d8dce4;--bar:#3b73c9}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--paper:#14171d;--soft:#9aa3b5;--line:#333a47;--bar:#6aa0f0}}
        body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:52rem;margin:0 auto;padding:1rem}
        h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}p.caption{color:var(--soft);font-size:.875rem;margin:.25rem 0 1rem}
        .wide{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);text-align:left}
        td.number{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%;height:auto}
        svg{max-width:100%;height:auto;background:#fff;border-radius:4px}
        .bar{display:grid;grid-template-columns:9rem 1fr 4rem;gap:.5rem;align-items:center;margin:.25rem 0}
        .bar i{display:block;height:.9rem;background:var(--bar);border-radius:2px}pre{overflow-x:auto;font-size:.8rem}
        """;

    private readonly StringBuilder _body = new();

    /// <summary>Starts a section.</summary>
    public HtmlReport Heading(string text) => Append($"<h2>{Escape(text)}</h2>");

    /// <summary>A paragraph.</summary>
    public HtmlReport Paragraph(string text) => Append($"<p>{Escape(text)}</p>");

    /// <summary>Names and values.</summary>
    public HtmlReport Table(IEnumerable<(string Name, string Value)> rows)
    {
        Append("<div class=\"wide\"><table>");
        foreach (var (name, value) in rows)
        {
            Append($"<tr><td>{Escape(name)}</td><td class=\"number\">{Escape(value)}</td></tr>");
        }

        return Append("</table></div>");
    }

    /// <summary>Rows under headings; all columns but the first hold numbers or short words.</summary>
    public HtmlReport Table(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        Append("<div class=\"wide\"><table>");
        Append($"<tr>{string.Concat(headings.Select(heading => $"<th>{Escape(heading)}</th>"))}</tr>");
        foreach (var row in rows)
        {
            Append($"<tr>{string.Concat(row.Select((cell, i) => $"<td{(i > 0 ? " class=\"number\"" : "")}>{Escape(cell)}</td>"))}</tr>");
        }

        return Append("</table></div>");
    }

    /// <summary>Percentages as bars.</summary>
    public HtmlReport Bars(IEnumerable<(string Name, double Percent)> bars)
    {
        foreach (var (name, percent) in bars)
        {
            var width = Math.Clamp(percent, 0, 100).ToString("F1", CultureInfo.InvariantCulture);
            Append($"<div class=\"bar\"><span>{Escape(name)}</span><i style=\"width:{width}%\"></i><span>{percent.ToString("F2", CultureInfo.InvariantCulture)} %</span></div>");
        }

        return this;
    }

    /// <summary>A picture.</summary>
    public HtmlReport Picture(byte[] png, string caption) => Append(
        $"<img alt=\"{Escape(caption)}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\"/><p class=\"caption\">{Escape(caption)}</p>");

    /// <summary>A drawing; trusted, as it is made here.</summary>
    public HtmlReport Plot(string svg) => Append($"<div class=\"wide\">{svg}</div>");

    /// <summary>Text that opens when asked for.</summary>
    public HtmlReport Folded(string summary, string text) => Append($"<details><summary>{Escape(summary)}</summary><pre>{Escape(text)}</pre></details>");

    /// <summary>Writes the page; a reader sees the old one or the new one, never half of one.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path)
    {
        var page = $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>{Escape(title)}</title><style>{Style}</style></head>
            <body><h1>{Escape(title)}</h1>
            {_body}
            </body></html>
            """;
        var temporary = path + ".tmp";
        File.WriteAllText(temporary, page);
        File.Move(temporary, path, overwrite: true);
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private HtmlReport Append(string html)
    {
        _body.AppendLine(html);
        return this;
    }
}
