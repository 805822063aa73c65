using System.Globalization;
using System.Net;
using System.Text;

namespace LDaeCore.Runner.Reporting;

/// <summary>
/// A self-contained page: inline styles, pictures as data, no scripts, and a policy against loading anything. It fits a phone and
/// follows the reader's dark mode.
/// </summary>
/// <param name="title">Title of the page.</param>
internal sealed class HtmlReport(string title)
{
    private const string Policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

    private readonly StringBuilder _body = new();

    /// <summary>Starts a section.</summary>
    public HtmlReport Heading(string text) => Append($"<h2>{Escape(text)}</h2>");

    /// <summary>A paragraph.</summary>
    public HtmlReport Paragraph(string text) => Append($"<p>{Escape(text)}</p>");

    /// <summary>A paragraph in smaller letters.</summary>
    public HtmlReport Note(string text) => Append($"<p class=\"caption\">{Escape(text)}</p>");

    /// <summary>A list of sentences.</summary>
    public HtmlReport Items(IEnumerable<string> sentences) => Append($"<ul>{string.Concat(sentences.Select(sentence => $"<li>{Escape(sentence)}</li>"))}</ul>");

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
        Append($"<tr>{string.Concat(headings.Select((heading, i) => $"<th{Right(i)}>{Escape(heading)}</th>"))}</tr>");
        foreach (var row in rows)
        {
            Append($"<tr>{string.Concat(row.Select((cell, i) => $"<td{Right(i)}>{Escape(cell)}</td>"))}</tr>");
        }

        return Append("</table></div>");
    }

    /// <summary>Percentages as bars.</summary>
    public HtmlReport Bars(IEnumerable<(string Name, double Percent)> bars)
    {
        foreach (var (name, percent) in bars)
        {
            var width = Math.Clamp(percent, 0, 100).ToString("F1", CultureInfo.InvariantCulture);
            Append(
                $"<div class=\"bar\"><span>{Escape(name)}</span><div><i style=\"width:{width}%\"></i></div><span>{percent.ToString("F2", CultureInfo.InvariantCulture)} "
                    + $"%</span></div>");
        }

        return this;
    }

    /// <summary>A picture.</summary>
    public HtmlReport Picture(byte[] png, string caption) => Figure(Image(png, caption), caption);

    /// <summary>A drawing; not escaped.</summary>
    public HtmlReport Plot(string svg) => Append($"<div class=\"wide\">{svg}</div>");

    /// <summary>Charts with captions, side by side where there is room; not escaped.</summary>
    public HtmlReport Charts(IEnumerable<(string Svg, string Caption)> charts) =>
        Append($"<div class=\"charts\">{string.Concat(charts.Select(chart => FigureOf(chart.Svg, chart.Caption)))}</div>");

    /// <summary>A figure with its caption.</summary>
    /// <param name="html">Its content; not escaped.</param>
    /// <param name="caption">What it shows, with units.</param>
    public HtmlReport Figure(string html, string caption) => Append(FigureOf(html, caption));

    /// <summary>Links to other pages.</summary>
    public HtmlReport Links(IEnumerable<(string To, string Text)> links) =>
        Append($"<ul>{string.Concat(links.Select(link => $"<li><a href=\"{Escape(link.To)}\">{Escape(link.Text)}</a></li>"))}</ul>");

    /// <summary>Text that opens on a click.</summary>
    public HtmlReport Folded(string summary, string text) => Append($"<details><summary>{Escape(summary)}</summary><pre>{Escape(text)}</pre></details>");

    /// <summary>The content of another page.</summary>
    public HtmlReport Include(HtmlReport part) => Append(part._body.ToString());

    /// <summary>Preformatted text.</summary>
    public HtmlReport Typed(string text) => Append($"<pre>{Escape(text)}</pre>");

    /// <summary>The HTML of an image.</summary>
    /// <param name="png">A PNG.</param>
    /// <param name="text">Its alternative text.</param>
    /// <param name="style">Class of the element; empty for none.</param>
    public static string Image(byte[] png, string text, string style = "") =>
        $"<img{(style.Length > 0 ? $" class=\"{style}\"" : "")} alt=\"{Escape(text)}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\"/>";

    /// <summary>Text with HTML's special characters escaped.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>The whole page.</summary>
    /// <param name="head">More elements of its head; not escaped.</param>
    /// <param name="policy">Its content security policy; nothing may be loaded when left out.</param>
    public string Page(string head = "", string policy = Policy) => $"""
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta http-equiv="Content-Security-Policy" content="{policy}"/>
        <link rel="icon" href="data:,"/>{head}
        <title>{Escape(title)}</title><style>{PageStyle.Css}</style></head>
        <body><main><h1>{Escape(title)}</h1>
        {_body}
        </main></body></html>
        """;

    /// <summary>Writes the page atomically.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path)
    {
        var temporary = path + ".tmp";
        File.WriteAllText(temporary, Page());
        File.Move(temporary, path, overwrite: true);
    }

    private static string Right(int column) => column > 0 ? " class=\"number\"" : "";

    private static string FigureOf(string html, string caption) => $"<figure>{html}<figcaption>{Escape(caption)}</figcaption></figure>";

    private HtmlReport Append(string html)
    {
        _body.AppendLine(html);
        return this;
    }
}
