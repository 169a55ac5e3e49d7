"""The report of compliance: one page that stands alone, its words in Chinese and English, its charts as SVG."""
