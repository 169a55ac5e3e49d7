// Lists every visible text whose contrast is below WCAG 2.2 AA: 4.5 to 1, or 3 to 1 where it is large.
() => {
  const numbers = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const channel = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const over = (top, ground) => top.slice(0, 3).map((v, i) => v * (top[3] ?? 1) + ground[i] * (1 - (top[3] ?? 1)));
  const groundOf = (element) => {
    if (!element) return [10, 17, 28];
    const own = numbers(getComputedStyle(element).backgroundColor);
    return (own[3] ?? 1) === 1 && own.length ? own : over(own, groundOf(element.parentElement));
  };
  const skipped = "canvas, noscript, option, .unseen, .skip, :disabled";
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || element.closest(skipped) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [light, dark] = [luminance(over(numbers(style.color), ground)), luminance(ground)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 20)}: ${ratio.toFixed(2)}`);
  }
  return found;
}
