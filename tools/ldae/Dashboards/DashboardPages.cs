using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Dashboards;

/// <summary>
/// The pages of a dashboard, by their paths: one for each run and, for several runs, one that compares them. There are no other pages, and none is a file.
/// A page is rebuilt only when a file of its runs has changed.
/// </summary>
/// <param name="runs">The run folders.</param>
internal sealed class DashboardPages(IReadOnlyList<string> runs)
{
    private const string Script = "/dashboard.js", TagName = "ldae-tag";

    /// <summary>The page may run scripts and connect to its own origin only.</summary>
    private const string Policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'";

    private static readonly byte[] ScriptText = Encoding.UTF8.GetBytes($$"""
        'use strict';
        let tag = document.querySelector('meta[name={{TagName}}]').content;
        async function refresh() {
          try {
            const answer = await fetch(location.pathname, { headers: { 'If-None-Match': tag }, cache: 'no-store' });
            if (answer.status === 200) {
              tag = answer.headers.get('ETag');
              const open = new Set([...document.querySelectorAll('details[open]')].map(d => d.textContent.slice(0, 60)));
              const main = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
              for (const d of main.querySelectorAll('details')) d.open = open.has(d.textContent.slice(0, 60));
              document.querySelector('main').replaceWith(main);
            }
            document.title = document.title.replace(/ \(ended\)$/, '');
          } catch {
            if (!document.title.endsWith(' (ended)')) document.title += ' (ended)';
          }
          setTimeout(refresh, 3000);
        }
        setTimeout(refresh, 3000);
        """);

    private readonly Dictionary<string, (string Tag, byte[] Page)> _made = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>The page of a path.</summary>
    /// <param name="path">The path of the request, without the query.</param>
    /// <returns>Its content type, its ETag and its bytes; null where there is none.</returns>
    public (string Type, string Tag, byte[] Content)? Find(string path)
    {
        if (path == Script)
        {
            return ("text/javascript; charset=utf-8", "\"script\"", ScriptText);
        }

        if (Runs(path) is not { } asked)
        {
            return null;
        }

        lock (_lock)
        {
            var tag = Tag(asked);
            if (!_made.TryGetValue(path, out var made) || made.Tag != tag)
            {
                _made[path] = made = (tag, Encoding.UTF8.GetBytes(Make(asked).Page($"<meta name=\"{TagName}\" "
                    + $"content=\"{tag.Replace("\"", "&quot;", StringComparison.Ordinal)}\"/><script src=\"{Script}\" defer=\"defer\"></script>", Policy)));
            }

            return ("text/html; charset=utf-8", made.Tag, made.Page);
        }
    }

    private static string Link(int number) => string.Create(CultureInfo.InvariantCulture, $"/run/{number}");

    /// <summary>The runs of a page; null for another path.</summary>
    private IReadOnlyList<string>? Runs(string path)
    {
        if (path == "/")
        {
            return runs;
        }

        var number = Enumerable.Range(1, runs.Count).FirstOrDefault(i => Link(i) == path);
        return number > 0 ? [runs[number - 1]] : null;
    }

    private static HtmlReport Make(IReadOnlyList<string> asked)
    {
        RunContents[] contents = [.. asked.Select(folder => new RunContents(folder))];
        return contents.Length > 1
            ? ComparisonReport.Page(contents, [.. Enumerable.Range(1, contents.Length).Select(Link)])
            : RunReport.Page(contents[0], RunReport.TitleOf(contents[0]), contents[0].Error);
    }

    /// <summary>A digest of names, lengths and times of a page's files.</summary>
    private static string Tag(IReadOnlyList<string> asked)
    {
        var text = new StringBuilder();
        foreach (var file in asked.SelectMany(Sources))
        {
            text.Append(CultureInfo.InvariantCulture, $"{file.FullName} {(file.Exists ? file.Length : -1)} {file.LastWriteTimeUtc.Ticks}\n");
        }

        return $"\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..32]}\"";
    }

    private static IEnumerable<FileInfo> Sources(string run)
    {
        foreach (var name in (string[])[RunFiles.Config, RunFiles.Metrics, RunFiles.Log])
        {
            yield return new FileInfo(Path.Combine(run, name));
        }

        foreach (var folder in (string[])[RunReport.Results, RunFiles.Pictures, RunFiles.Figures])
        {
            var directory = new DirectoryInfo(Path.Combine(run, folder));
            FileInfo[] files = [];
            try
            {
                files = directory.Exists ? directory.GetFiles() : [];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It was deleted meanwhile, or is not readable: the page omits it too.
            }

            foreach (var file in files.OrderBy(file => file.Name, StringComparer.Ordinal))
            {
                yield return file;
            }
        }
    }
}
