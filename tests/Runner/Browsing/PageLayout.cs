namespace LDaeCore.Tests.Runner.Browsing;

/// <summary>What a browser says of the layout of the page it has opened: what is wrong with it, in words.</summary>
internal static class PageLayout
{
    /// <summary>Runs in the page. Text must have a contrast of 4.5 to 1 with what is behind it, charts and pictures a size, and nothing may pass the edge.</summary>
    private const string Measure = """
        (() => {
          const faults = [], wide = document.documentElement.clientWidth;
          const name = e => `${e.tagName.toLowerCase()}.${e.getAttribute('class') ?? ''} "${(e.textContent || e.alt || '').trim().slice(0, 30)}"`;
          if (document.documentElement.scrollWidth > wide) faults.push(`the page is ${document.documentElement.scrollWidth} pixels wide, the window ${wide}`);
          for (const e of document.querySelectorAll('body *')) {
            const box = e.getBoundingClientRect();
            // A box that scrolls by itself, or stays folded, may hold more than is seen.
            if (box.width > 0 && !e.closest('.wide, pre, details:not([open]), [hidden]') && (box.right > wide + 1 || box.left < -1))
              faults.push(`${name(e)} reaches from ${box.left} to ${box.right}, the window to ${wide}`);
          }
          for (const e of document.querySelectorAll('.wide, pre')) {
            const box = e.getBoundingClientRect();
            if (box.right > wide + 1) faults.push(`${name(e)} scrolls, but reaches to ${box.right}`);
          }
          for (const e of document.querySelectorAll('svg text')) {
            const box = e.getBoundingClientRect(), svg = e.ownerSVGElement.getBoundingClientRect();
            if (box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1) faults.push(`${name(e)} is cut off`);
            if (getComputedStyle(e).userSelect === 'none') faults.push(`${name(e)} cannot be selected`);
          }
          for (const e of document.querySelectorAll('figure')) {
            const drawn = e.querySelectorAll('img, svg, table');
            if (drawn.length === 0) faults.push(`${name(e)} is empty`);
            if (!e.querySelector('figcaption')?.textContent.trim()) faults.push(`${name(e)} has no caption`);
          }
          for (const e of document.querySelectorAll('img, svg')) {
            const box = e.getBoundingClientRect();
            if (box.width < 16 || box.height < 4) faults.push(`${name(e)} has no size`);
            if (e.tagName === 'IMG' && !(e.complete && e.naturalWidth > 0)) faults.push(`${name(e)} was not decoded`);
            if (e.tagName === 'svg' && e.querySelectorAll('path').length < 2) faults.push(`${name(e)} draws nothing`);
          }
          const brush = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          const paint = (colour, over) => {
            brush.fillStyle = `rgb(${over})`; brush.fillRect(0, 0, 1, 1); brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1);
            return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const light = c =>
              { const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const behind = e => e === null ? [255, 255, 255] : paint(getComputedStyle(e).backgroundColor, behind(e.parentElement));
          let texts = 0;
          for (const e of document.querySelectorAll('body *')) {
            if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
            const style = getComputedStyle(e), ground = behind(e), ink = paint(e.closest('svg') ? style.fill : style.color, ground);
            const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x), contrast = (a + 0.05) / (b + 0.05);
            texts++;
            if (contrast < 4.5) faults.push(`${name(e)} has a contrast of ${contrast.toFixed(2)}`);
          }
          const count = selector => document.querySelectorAll(selector).length;
          return { faults: [...new Set(faults)].slice(0, 40), texts, figures: count('figure'), charts: count('svg'), images: document.images.length };
        })()
        """;

    /// <summary>What is wrong, and how many texts, figures, charts and images there are.</summary>
    public static (string[] Faults, int Texts, int Figures, int Charts, int Images) Of(Browser browser)
    {
        var found = browser.Evaluate(Measure);
        int Count(string name) => found.GetProperty(name).GetInt32();
        return ([.. found.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()!)], Count("texts"), Count("figures"), Count("charts"), Count("images"));
    }
}
