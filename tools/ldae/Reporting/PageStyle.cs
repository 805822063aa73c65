namespace LDaeCore.Runner.Reporting;

/// <summary>The style of pages, for phones and wider screens, light and dark; text has a contrast of at least 4.5 to 1 in both.</summary>
internal static class PageStyle
{
    /// <summary>The style sheet.</summary>
    public const string Css = """
        :root{color-scheme:light dark;--ink:#1d2330;--paper:#fff;--soft:#565d70;--line:#d8dce4;--frame:#8a91a1;--bar:#3b73c9;--heat:#8db8f5;
        --s0:#1f66b0;--s1:#b85a00;--s2:#1f7a1f;--s3:#c3282d;--s4:#7a4fa3;--s5:#8c564b}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--paper:#14171d;--soft:#a6afc0;--line:#333a47;--frame:#7c8598;--bar:#6aa0f0;--heat:#2c5796;
        --s0:#6fb1f0;--s1:#f0a35a;--s2:#6fce6f;--s3:#ff8a8a;--s4:#c3a1ea;--s5:#d2a397}}
        *{box-sizing:border-box}
        body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
        h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-top:1px solid var(--line);padding-top:1rem}
        a{color:var(--s0)}figure{margin:0 0 1.25rem;min-width:0}
        figcaption,p.caption{color:var(--soft);font-size:.875rem;margin:.35rem 0 1rem;max-width:44rem}
        .wide{overflow-x:auto}table{border-collapse:collapse;overflow-wrap:normal}
        td,th{padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
        td.number{text-align:right;font-variant-numeric:tabular-nums}th.number{text-align:right}
        img{max-width:100%;height:auto}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:.5rem 1.5rem}
        .chart text{fill:var(--ink)}.chart .frame{stroke:var(--frame)}.chart .rule{stroke:var(--line)}
        .charts .chart{width:100%;max-width:30rem;height:auto;display:block}
        path.s0{stroke:var(--s0)}path.s1{stroke:var(--s1)}path.s2{stroke:var(--s2)}path.s3{stroke:var(--s3)}path.s4{stroke:var(--s4)}path.s5{stroke:var(--s5)}
        circle.s0{fill:var(--s0)}circle.s1{fill:var(--s1)}circle.s2{fill:var(--s2)}circle.s3{fill:var(--s3)}circle.s4{fill:var(--s4)}circle.s5{fill:var(--s5)}
        .bar{display:grid;grid-template-columns:minmax(5.5rem,9rem) 1fr 4.5rem;gap:.5rem;align-items:center;margin:.25rem 0;max-width:44rem}
        .bar span:last-child{text-align:right;font-variant-numeric:tabular-nums}.bar i{display:block;height:.9rem;background:var(--bar);border-radius:2px}
        .rows{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.2rem .75rem;align-items:center;font-size:.875rem;line-height:1.2;max-width:42rem}
        .rows .rule{grid-column:1/-1;border-top:1px solid var(--line)}.rows small{color:var(--soft);display:block}
        .strip{display:block;width:100%;image-rendering:pixelated}.filters{image-rendering:pixelated;display:block}
        .query{max-width:30rem;margin:0 0 .75rem}.query div{display:grid;font-size:.7rem;line-height:1.25;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr)}
        .query small{color:var(--soft);font-size:inherit;display:block}
        table.matrix{font-size:.75rem}.matrix td{text-align:right;min-width:1.5rem;padding:.2rem .25rem;border:1px solid var(--line);font-variant-numeric:tabular-nums}
        .matrix th{padding:.2rem .4rem .2rem 0;border:0;font-weight:normal;vertical-align:middle}.matrix thead th{writing-mode:vertical-rl;vertical-align:bottom;padding:.2rem 0}
        pre{overflow-x:auto;font-size:.8rem;margin:.5rem 0}summary{cursor:pointer;margin:.5rem 0}
        """;
}
